//! Signals: raised anywhere, handled in one place.

use crate::error::{code, rw_error};
use crate::object::{
    Object, RW_HANDLE_WORDS, busy, memory as placed, objects, own, put, release, room_of, shared,
    tell, tell_layout,
};
use crate::wait::{Program, can_wait, deadline as until};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::signal::{Dispatcher, Handler, Payload, Raised, SignalSet, TableView};

type Table = TableView<'static, Program>;

/// A table of signal lines, in memory of the caller. Any thread and any interrupt may use it; its
/// dispatcher is for one thread.
#[repr(C)]
pub struct rw_signals {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// The right to dispatch. There is one for each table.
#[repr(C)]
pub struct rw_dispatcher {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// A function for the deliveries of a line, and what it is called with. It stays in its place for
/// as long as the program runs, once a line has it.
#[repr(C)]
pub struct rw_handler {
    /// Not for the caller.
    pub opaque: [usize; RW_HANDLE_WORDS],
}

/// What a queued raise carries. The program decides what it means.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_payload {
    /// A number, or the bits of a pointer.
    pub value: usize,
    /// The raiser: a process, a core, a task.
    pub sender: u32,
    /// The user the raiser acts for.
    pub user: u32,
    /// The reason.
    pub code: i32,
}

/// One delivery of a line.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rw_raised {
    /// The number of raises in this delivery: at least 1, and 1 if there is a payload.
    pub count: u64,
    /// The line.
    pub line: u32,
    /// Whether there is a payload; if not, it is zeros.
    pub has_payload: bool,
    /// The payload.
    pub payload: rw_payload,
}

impl From<Raised> for rw_raised {
    // A small image has it once.
    #[inline(never)]
    fn from(raised: Raised) -> Self {
        let Payload { value, sender, user, code } = raised.payload.unwrap_or(Payload::new(0));
        rw_raised {
            count: raised.count,
            line: raised.line,
            has_payload: raised.payload.is_some(),
            payload: rw_payload { value, sender, user, code },
        }
    }
}

/// The signature of a handler's function.
type Run = extern "C" fn(context: *mut c_void, raised: *const rw_raised);

/// A handler of the core, with the call that it makes.
pub struct Calling {
    handler: MaybeUninit<Handler>,
    call: [MaybeUninit<usize>; 2],
}

objects! {
    rw_signals = Table, 0x7277_0071;
    rw_dispatcher = Dispatcher<Table>, 0x7277_0072;
    rw_handler = Calling, 0x7277_0073;
}

/// Tells how much memory a table takes, and its alignment: `lines` lines (1 to 64), each with a
/// queue of `depth` payloads (a power of two, or 0).
///
/// `RW_EXHAUSTED` if there is no such table.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub extern "C" fn rw_signals_layout(
    lines: usize,
    depth: usize,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    tell_layout(Table::layout(lines, depth), size, align)
}

/// Makes a table in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_init(
    signals: *mut rw_signals,
    memory: *mut c_void,
    memory_size: usize,
    lines: usize,
    depth: usize,
) -> rw_error {
    let Some(layout) = Table::layout(lines, depth) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees memory of this size, which is used for nothing else.
    match unsafe { Table::init_at(at, lines, depth) } {
        Some(made) => put(signals, made),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Finds a table that this program made in `memory`, with the same numbers.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_attach(
    signals: *mut rw_signals,
    memory: *mut c_void,
    memory_size: usize,
    lines: usize,
    depth: usize,
) -> rw_error {
    let Some(layout) = Table::layout(lines, depth) else { return rw_error::RW_EXHAUSTED };
    let Some(at) = placed(memory, memory_size, layout) else { return rw_error::RW_INVALID };
    // SAFETY: the caller guarantees that there is such a table.
    match unsafe { Table::at(at, lines, depth) } {
        Some(found) => put(signals, found),
        None => rw_error::RW_EXHAUSTED,
    }
}

/// Makes a handler: a delivery calls `run(context, raised)` where the dispatcher dispatches.
///
/// `run` may raise, mask, and change handlers. It returns to its caller, and does not use the
/// dispatcher that called it: a call of that finds no dispatcher, `RW_INVALID`.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_handler_init(
    handler: *mut rw_handler,
    run: Option<extern "C" fn(context: *mut c_void, raised: *const rw_raised)>,
    context: *mut c_void,
) -> rw_error {
    let (Some(run), Some(at)) = (run, room_of(handler)) else { return rw_error::RW_INVALID };
    let call = calling(run, context);
    let made = Calling { handler: MaybeUninit::uninit(), call: [MaybeUninit::uninit(); 2] };
    match put(handler, made) {
        rw_error::RW_OK => {}
        error => return error,
    }
    // SAFETY: the caller of C gave memory for an object, which this is now, and uses it for nothing
    // else.
    unsafe { write_handler(at, call) };
    rw_error::RW_OK
}

/// Calls `run`, with what C cannot be asked to keep apart from it.
fn calling(run: Run, context: *mut c_void) -> impl Fn(&Raised) + Sync + 'static {
    let context = Context(context);
    move |raised| call(run, context.get(), raised)
}

// Not inline: the closure above becomes two functions.
#[inline(never)]
fn call(run: Run, context: *mut c_void, raised: &Raised) {
    let raised = rw_raised::from(*raised);
    run(context, &raised);
}

/// What a handler's function is called with.
struct Context(*mut c_void);

// SAFETY: this library does nothing with it but to pass it on. The program decides which threads
// dispatch.
unsafe impl Sync for Context {}

impl Context {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

/// Writes the call, and the handler that makes it.
///
/// # Safety
/// There is room at `at`, which stays in its place, and nobody else uses it yet.
unsafe fn write_handler<C: Fn(&Raised) + Sync + 'static>(at: NonNull<Calling>, call: C) {
    const {
        assert!(size_of::<C>() <= 2 * size_of::<usize>() && align_of::<C>() <= align_of::<usize>());
    }
    // SAFETY: the caller guarantees the room, and the call fits, as checked above.
    let place = unsafe { (&raw mut (*at.as_ptr()).call).cast::<C>() };
    // SAFETY: as above.
    unsafe { place.write(call) };
    // SAFETY: it was written above. C keeps it in its place while a line has it.
    let call: &'static C = unsafe { &*place };
    // SAFETY: the caller guarantees the room.
    unsafe { (&raw mut (*at.as_ptr()).handler).write(MaybeUninit::new(Handler::new(call))) };
}

/// Sets the handler of a line; with null, the line has none, and keeps its raises. The handler
/// before may still run for a delivery that was chosen before the change.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_set_handler(
    signals: *const rw_signals,
    line: u32,
    handler: *const rw_handler,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    let mut new = None;
    if !handler.is_null() {
        let Some(calling) = shared(handler) else { return rw_error::RW_INVALID };
        // SAFETY: the object was made, by `rw_handler_init`, which writes the handler.
        new = Some(unsafe { calling.handler.assume_init_ref() });
    }
    code(signals.set_handler(line, new))
}

/// Sets the priority of a line, 0 at first. The dispatcher delivers the highest priority first;
/// lines of equal priority take turns.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_set_priority(
    signals: *const rw_signals,
    line: u32,
    priority: u8,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    code(signals.set_priority(line, priority))
}

/// Raises a line, and wakes the dispatcher. Raises that were not delivered yet are counted.
/// `RW_NO_SUCH_LINE` if the table has none of this number.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_raise(signals: *const rw_signals, line: u32) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    code(signals.raise(line))
}

/// Raises a line with a payload, which is queued. `RW_WOULD_BLOCK` if the line's queue is full, or
/// the table has none.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_raise_with(
    signals: *const rw_signals,
    line: u32,
    payload: *const rw_payload,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    if payload.is_null() || !payload.is_aligned() {
        return rw_error::RW_INVALID;
    }
    // SAFETY: the caller of C gave a payload to read.
    let rw_payload { value, sender, user, code: reason } = unsafe { *payload };
    match signals.raise_with(line, Payload { value, sender, user, code: reason }) {
        Ok(()) => rw_error::RW_OK,
        Err(error) => Error::from(error).into(),
    }
}

/// The lines that were raised and not yet delivered, masked ones too: bit `n` is line `n`. 0 for
/// what is no table.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_pending(signals: *const rw_signals) -> u64 {
    shared(signals).map_or(0, |signals| signals.pending().bits())
}

/// Changes the mask, and tells the mask before.
fn change(
    signals: *const rw_signals,
    lines: u64,
    before: *mut u64,
    change: fn(&Table, SignalSet) -> SignalSet,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    tell(before, change(signals, SignalSet::from_bits_retain(lines)).bits());
    rw_error::RW_OK
}

/// Masks lines, bit `n` for line `n`: their handlers do not run, and their raises are kept. Tells
/// the mask before.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_mask(
    signals: *const rw_signals,
    lines: u64,
    before: *mut u64,
) -> rw_error {
    change(signals, lines, before, Table::mask)
}

/// Unmasks lines, and wakes the dispatcher. Tells the mask before.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_unmask(
    signals: *const rw_signals,
    lines: u64,
    before: *mut u64,
) -> rw_error {
    change(signals, lines, before, Table::unmask)
}

/// Masks exactly these lines. Tells the mask before.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_set_mask(
    signals: *const rw_signals,
    lines: u64,
    before: *mut u64,
) -> rw_error {
    change(signals, lines, before, Table::set_mask)
}

/// Ends the current dispatcher: it delivers what was raised before, and then its waiting calls
/// return `RW_CLOSED`. Tells whether there was one that was not ended yet.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_end_dispatcher(
    signals: *const rw_signals,
    ended: *mut bool,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    tell(ended, signals.end_dispatcher());
    rw_error::RW_OK
}

/// Takes the right to dispatch. `RW_TAKEN` if somebody has it.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_take_dispatcher(
    signals: *const rw_signals,
    dispatcher: *mut rw_dispatcher,
) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    match Table::dispatcher(*signals) {
        Some(taken) => put(dispatcher, taken),
        None => rw_error::RW_TAKEN,
    }
}

/// Runs the handlers of the pending lines, the highest priority first, and tells the number of
/// deliveries. It makes at most as many as the table can have pending at once.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_dispatch(
    dispatcher: *mut rw_dispatcher,
    deliveries: *mut usize,
) -> rw_error {
    // A handler does not find the dispatcher that called it. So in the calls below.
    match busy(dispatcher, Dispatcher::dispatch) {
        Some(done) => tell(deliveries, done),
        None => return rw_error::RW_INVALID,
    }
    rw_error::RW_OK
}

/// Runs the handler of the pending line with the highest priority, and tells what it delivered.
/// `RW_WOULD_BLOCK` if no line is pending, unmasked and has a handler.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_dispatch_one(
    dispatcher: *mut rw_dispatcher,
    raised: *mut rw_raised,
) -> rw_error {
    match busy(dispatcher, Dispatcher::dispatch_one) {
        Some(delivery) => told(delivery, raised),
        None => rw_error::RW_INVALID,
    }
}

/// Takes one delivery of any of these lines, masked or not, and runs no handler. `RW_WOULD_BLOCK`
/// if none is pending.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_try_wait(
    dispatcher: *mut rw_dispatcher,
    lines: u64,
    raised: *mut rw_raised,
) -> rw_error {
    let Some(taken) = own(dispatcher) else { return rw_error::RW_INVALID };
    told(taken.try_wait(SignalSet::from_bits_retain(lines)), raised)
}

/// Sleeps until there is something to handle, and runs the handlers as `rw_dispatcher_dispatch`.
/// `RW_CLOSED` if somebody ended this dispatcher.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_pause(
    dispatcher: *mut rw_dispatcher,
    deadline: u64,
    deliveries: *mut usize,
) -> rw_error {
    let done = busy(dispatcher, |taken| {
        can_wait()?;
        Ok(taken.pause_deadline(until(deadline))?)
    });
    match done {
        Some(Ok(done)) => tell(deliveries, done),
        Some(Err(error)) => return error,
        None => return rw_error::RW_INVALID,
    }
    rw_error::RW_OK
}

/// Sleeps until one of these lines is raised, masked or not, and takes the delivery. It runs no
/// handler. `RW_CLOSED` if somebody ended this dispatcher.
///
/// One thread at a time; interrupts not: it waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_wait(
    dispatcher: *mut rw_dispatcher,
    lines: u64,
    deadline: u64,
    raised: *mut rw_raised,
) -> rw_error {
    let Some(taken) = own(dispatcher) else { return rw_error::RW_INVALID };
    if let Err(error) = can_wait() {
        return error;
    }
    match taken.wait_deadline(SignalSet::from_bits_retain(lines), until(deadline)) {
        Ok(delivery) => told(Some(delivery), raised),
        Err(error) => error.into(),
    }
}

/// Tells a delivery, if there is one.
fn told(delivery: Option<Raised>, to: *mut rw_raised) -> rw_error {
    let Some(delivery) = delivery else { return rw_error::RW_WOULD_BLOCK };
    tell(to, delivery.into());
    rw_error::RW_OK
}

/// Gives the right to dispatch back.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_release(dispatcher: *mut rw_dispatcher) -> rw_error {
    release(dispatcher)
}

const _: () = assert!(rw_handler::TAG != 0);
