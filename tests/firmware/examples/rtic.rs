//! A ring between an RTIC task, which the timer's interrupt runs, and `idle`. Each half is a local
//! resource of its task: no lock, no critical section.
#![no_std]
#![no_main]

#[rtic::app(device = lm3s6965)]
mod app {
    use cortex_m::peripheral::syst::SystClkSource;
    use ringway_core::ring::{Consumer, Producer, Ring};
    use ringway_firmware::{exit, report};

    const SAMPLES: u32 = 100;

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        producer: Producer<&'static Ring<u32, 8>>,
        consumer: Consumer<&'static Ring<u32, 8>>,
    }

    #[init(local = [ring: Ring<u32, 8> = Ring::new()])]
    fn init(mut cx: init::Context) -> (Shared, Local) {
        let (producer, consumer) = cx.local.ring.split();
        cx.core.SYST.set_clock_source(SystClkSource::Core);
        cx.core.SYST.set_reload(15_999);
        cx.core.SYST.enable_counter();
        cx.core.SYST.enable_interrupt();
        (Shared {}, Local { producer, consumer })
    }

    #[task(binds = SysTick, local = [producer, next: u32 = 0])]
    fn sample(cx: sample::Context) {
        if cx.local.producer.try_push(*cx.local.next).is_ok() {
            *cx.local.next += 1;
        }
    }

    #[idle(local = [consumer])]
    fn idle(cx: idle::Context) -> ! {
        let mut sum = 0;
        for expected in 0..SAMPLES {
            let sample = loop {
                match cx.local.consumer.try_pop() {
                    Some(sample) => break sample,
                    None => cortex_m::asm::wfi(),
                }
            };
            sum += sample;
            if sample != expected {
                exit(false);
            }
        }
        report("sum of the samples", sum);
        exit(sum == SAMPLES * (SAMPLES - 1) / 2)
    }
}
