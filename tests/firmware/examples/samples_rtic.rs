//! Samples with RTIC: the timer's interrupt fills a ring of values and raises signals, and an async
//! task awaits each. `samples_embassy.rs` is the same with embassy.
#![no_std]
#![no_main]

mod samples;

#[rtic::app(device = lm3s6965, dispatchers = [SSI0, QEI0])]
mod app {
    use crate::samples::{SAMPLES, SIGNALS, Samples, Signals, Source, consume, dispatch};
    use ringway_firmware::{exit, start_this_timer};

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        source: Source,
    }

    #[init]
    fn init(cx: init::Context) -> (Shared, Local) {
        let start = || {
            samples::spawn(SAMPLES.consumer()?).ok()?;
            signals::spawn(SIGNALS.dispatcher()?).ok()?;
            SAMPLES.producer().map(Source::new)
        };
        let Some(source) = start() else { exit(false) };
        start_this_timer(cx.core.SYST);
        (Shared {}, Local { source })
    }

    #[task(binds = SysTick, priority = 3, local = [source])]
    fn tick(cx: tick::Context) {
        cx.local.source.tick();
    }

    /// Its priority is above that of the other task, which it may interrupt.
    #[task(priority = 2)]
    async fn samples(_: samples::Context, samples: Samples) {
        consume(samples).await;
    }

    #[task(priority = 1)]
    async fn signals(_: signals::Context, signals: Signals) {
        exit(dispatch(signals).await);
    }

    #[idle]
    fn idle(_: idle::Context) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }
}
