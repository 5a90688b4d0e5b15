//! Signals: raised anywhere, handled in one place.

use crate::error::{code, rw_error};
use crate::object::{
    Object, RW_HANDLE_WORDS, memory as placed, objects, put, release, room_of, shared, take, tell,
    tell_layout,
};
use crate::sizes::{Family, functions, rw_sizes};
use crate::wait::{Program, can_wait, deadline as until};
use core::alloc::Layout;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use ringway_core::Error;
use ringway_core::signal::{Dispatcher, Handler, Payload, Raised, SignalSet, Table};

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

/// A table of any size.
pub trait AnyTable: Sync {
    fn raise(&self, line: u32) -> Result<(), Error>;
    fn raise_with(&self, line: u32, payload: Payload) -> Result<(), Error>;
    fn pending(&self) -> SignalSet;
    fn change_mask(&self, change: Change, lines: SignalSet) -> SignalSet;
    fn set_handler(&self, line: u32, handler: Option<&'static Handler>) -> Result<(), Error>;
    fn set_priority(&self, line: u32, priority: u8) -> Result<(), Error>;
    fn end_dispatcher(&self) -> bool;
    fn dispatcher(&'static self) -> Option<Room>;

    /// Does something with the dispatcher.
    ///
    /// # Safety
    /// `dispatcher` of this table made `room`, and it was not released since.
    unsafe fn with(&self, room: &mut Room, what: Wanted) -> Result<Done, Error>;
}

/// The bytes of a dispatcher of any size.
pub struct Room([MaybeUninit<usize>; 2]);

/// How a mask changes.
pub enum Change {
    Add,
    Remove,
    Replace,
}

/// What to do with a dispatcher.
pub enum Wanted {
    Dispatch,
    One,
    Take(SignalSet),
    Pause(Option<u64>),
    Wait(SignalSet, Option<u64>),
    Release,
}

/// What was done.
pub enum Done {
    Nothing,
    Deliveries(usize),
    One(Raised),
}

impl<const LINES: usize, const DEPTH: usize> AnyTable for Table<LINES, DEPTH, Program> {
    fn raise(&self, line: u32) -> Result<(), Error> {
        self.raise(line)
    }

    fn raise_with(&self, line: u32, payload: Payload) -> Result<(), Error> {
        Ok(self.raise_with(line, payload)?)
    }

    fn pending(&self) -> SignalSet {
        self.pending()
    }

    fn change_mask(&self, change: Change, lines: SignalSet) -> SignalSet {
        match change {
            Change::Add => self.mask(lines),
            Change::Remove => self.unmask(lines),
            Change::Replace => self.set_mask(lines),
        }
    }

    fn set_handler(&self, line: u32, handler: Option<&'static Handler>) -> Result<(), Error> {
        self.set_handler(line, handler).map(drop)
    }

    fn set_priority(&self, line: u32, priority: u8) -> Result<(), Error> {
        self.set_priority(line, priority).map(drop)
    }

    fn end_dispatcher(&self) -> bool {
        self.end_dispatcher()
    }

    fn dispatcher(&'static self) -> Option<Room> {
        const {
            assert!(size_of::<Dispatcher<'static, LINES, DEPTH, Program>>() <= size_of::<Room>());
            assert!(align_of::<Dispatcher<'static, LINES, DEPTH, Program>>() <= align_of::<Room>());
        };
        let dispatcher = Table::dispatcher(self)?;
        let mut room = Room([MaybeUninit::uninit(); 2]);
        // SAFETY: the room is large enough for a dispatcher, and aligned.
        unsafe { room.0.as_mut_ptr().cast::<Dispatcher<'_, LINES, DEPTH, _>>().write(dispatcher) };
        Some(room)
    }

    unsafe fn with(&self, room: &mut Room, what: Wanted) -> Result<Done, Error> {
        let at = room.0.as_mut_ptr().cast::<Dispatcher<'static, LINES, DEPTH, Program>>();
        if let Wanted::Release = what {
            // SAFETY: the caller guarantees that a dispatcher is there, and uses it no more.
            unsafe { at.drop_in_place() };
            return Ok(Done::Nothing);
        }
        // SAFETY: the caller guarantees that a dispatcher of this table is there.
        let dispatcher = unsafe { &mut *at };
        Ok(match what {
            Wanted::Dispatch => Done::Deliveries(dispatcher.dispatch()),
            Wanted::One => dispatcher.dispatch_one().map_or(Done::Nothing, Done::One),
            Wanted::Take(lines) => dispatcher.try_wait(lines).map_or(Done::Nothing, Done::One),
            Wanted::Pause(deadline) => Done::Deliveries(dispatcher.pause_deadline(deadline)?),
            Wanted::Wait(lines, deadline) => Done::One(dispatcher.wait_deadline(lines, deadline)?),
            Wanted::Release => Done::Nothing,
        })
    }
}

/// A dispatcher, and its table.
pub struct Dispatching {
    table: &'static dyn AnyTable,
    room: Room,
}

impl Drop for Dispatching {
    fn drop(&mut self) {
        // SAFETY: `dispatcher` of this table made the room, and only this releases it. The result
        // says nothing: a release cannot fail.
        let _ = unsafe { self.table.with(&mut self.room, Wanted::Release) };
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
    rw_signals = &'static dyn AnyTable, 0x7277_0071;
    rw_dispatcher = Dispatching, 0x7277_0072;
    rw_handler = Calling, 0x7277_0073;
}

/// How tables of one size are made.
pub struct TableFunctions {
    layout: Layout,
    make: unsafe fn(NonNull<u8>) -> &'static dyn AnyTable,
}

enum Tables {}

// SAFETY: no other family has this tag.
unsafe impl Family for Tables {
    type Functions = TableFunctions;
    const TAG: usize = 0x7277_0f01;
}

/// Makes a table at `at`.
///
/// # Safety
/// There is memory for it, which is used for nothing else.
unsafe fn make<const LINES: usize, const DEPTH: usize>(at: NonNull<u8>) -> &'static dyn AnyTable {
    let mut at = at.cast::<Table<LINES, DEPTH, Program>>();
    // SAFETY: the caller guarantees memory for it.
    unsafe { at.write(Table::new()) };
    // SAFETY: it was made above, and stays in its place.
    unsafe { at.as_mut() }
}

const fn sizes<const LINES: usize, const DEPTH: usize>() -> rw_sizes {
    rw_sizes::of::<Tables>(
        const {
            &TableFunctions {
                layout: Layout::new::<Table<LINES, DEPTH, Program>>(),
                make: make::<LINES, DEPTH>,
            }
        },
    )
}

/// The sizes of a signal table: 4 lines, each with a queue of 4 payloads.
#[unsafe(no_mangle)]
pub static rw_signals_4_queued: rw_sizes = sizes::<4, 4>();
/// The sizes of a signal table: 8 lines without payloads.
#[unsafe(no_mangle)]
pub static rw_signals_8: rw_sizes = sizes::<8, 0>();
/// The sizes of a signal table: 8 lines, each with a queue of 8 payloads.
#[unsafe(no_mangle)]
pub static rw_signals_8_queued: rw_sizes = sizes::<8, 8>();
/// The sizes of a signal table: 32 lines without payloads.
#[unsafe(no_mangle)]
pub static rw_signals_32: rw_sizes = sizes::<32, 0>();
/// The sizes of a signal table: 32 lines, each with a queue of 16 payloads.
#[unsafe(no_mangle)]
pub static rw_signals_32_queued: rw_sizes = sizes::<32, 16>();
/// The sizes of a signal table: 64 lines without payloads.
#[unsafe(no_mangle)]
pub static rw_signals_64: rw_sizes = sizes::<64, 0>();
/// The sizes of a signal table: 64 lines, each with a queue of 16 payloads.
#[unsafe(no_mangle)]
pub static rw_signals_64_queued: rw_sizes = sizes::<64, 16>();

/// Tells how much memory a table of these sizes takes (one of `rw_signals_4_queued` to
/// `rw_signals_64_queued`), and its alignment.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_layout(
    sizes: *const rw_sizes,
    size: *mut usize,
    align: *mut usize,
) -> rw_error {
    let Some(functions) = functions::<Tables>(sizes) else { return rw_error::RW_INVALID };
    tell_layout(Some(functions.layout), size, align)
}

/// Makes a table in `memory`, which stays in its place and is used for nothing else.
///
/// One thread, before anybody uses the memory; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_init(
    signals: *mut rw_signals,
    memory: *mut c_void,
    memory_size: usize,
    sizes: *const rw_sizes,
) -> rw_error {
    let Some(functions) = functions::<Tables>(sizes) else { return rw_error::RW_INVALID };
    let Some(at) = placed(memory, memory_size, functions.layout) else {
        return rw_error::RW_INVALID;
    };
    // SAFETY: the memory is as large as the layout says, and the caller guarantees that it is used
    // for nothing else.
    put(signals, unsafe { (functions.make)(at) })
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
    move |raised| {
        let raised = rw_raised::from(*raised);
        run(context.get(), &raised);
    }
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
    if handler.is_null() {
        return code(signals.set_handler(line, None));
    }
    let Some(calling) = shared(handler) else { return rw_error::RW_INVALID };
    // SAFETY: the object was made, by `rw_handler_init`, which writes the handler.
    code(signals.set_handler(line, Some(unsafe { calling.handler.assume_init_ref() })))
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
    code(signals.raise_with(line, Payload { value, sender, user, code: reason }))
}

/// The lines that were raised and not yet delivered, masked ones too: bit `n` is line `n`. 0 for
/// what is no table.
///
/// Any thread; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_signals_pending(signals: *const rw_signals) -> u64 {
    shared(signals).map_or(0, |signals| signals.pending().bits())
}

fn change(signals: *const rw_signals, change: Change, lines: u64, before: *mut u64) -> rw_error {
    let Some(signals) = shared(signals) else { return rw_error::RW_INVALID };
    let lines = SignalSet::from_bits_retain(lines);
    tell(before, signals.change_mask(change, lines).bits());
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
    change(signals, Change::Add, lines, before)
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
    change(signals, Change::Remove, lines, before)
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
    change(signals, Change::Replace, lines, before)
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
    let table: &'static dyn AnyTable = *signals;
    match table.dispatcher() {
        Some(room) => put(dispatcher, Dispatching { table, room }),
        None => rw_error::RW_TAKEN,
    }
}

/// Does something with a dispatcher. Meanwhile the object is none, so that a handler cannot use it.
fn with(dispatcher: *mut rw_dispatcher, what: Wanted) -> Result<Done, rw_error> {
    let mut dispatching = take(dispatcher).ok_or(rw_error::RW_INVALID)?;
    // SAFETY: `dispatcher` of this table made the room, and it was not released.
    let done = unsafe { dispatching.table.with(&mut dispatching.room, what) };
    match put(dispatcher, dispatching) {
        rw_error::RW_OK => Ok(done?),
        error => Err(error),
    }
}

fn told(done: Result<Done, rw_error>, deliveries: *mut usize, raised: *mut rw_raised) -> rw_error {
    match done {
        Ok(Done::Deliveries(count)) => tell(deliveries, count),
        Ok(Done::One(delivery)) => tell(raised, delivery.into()),
        Ok(Done::Nothing) => return rw_error::RW_WOULD_BLOCK,
        Err(error) => return error,
    }
    rw_error::RW_OK
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
    told(with(dispatcher, Wanted::Dispatch), deliveries, core::ptr::null_mut())
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
    told(with(dispatcher, Wanted::One), core::ptr::null_mut(), raised)
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
    let lines = SignalSet::from_bits_retain(lines);
    told(with(dispatcher, Wanted::Take(lines)), core::ptr::null_mut(), raised)
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
    if let Err(error) = waits(dispatcher) {
        return error;
    }
    let done = with(dispatcher, Wanted::Pause(until(deadline)));
    told(done, deliveries, core::ptr::null_mut())
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
    if let Err(error) = waits(dispatcher) {
        return error;
    }
    let lines = SignalSet::from_bits_retain(lines);
    told(with(dispatcher, Wanted::Wait(lines, until(deadline))), core::ptr::null_mut(), raised)
}

/// Whether this is a dispatcher, and the program can wait.
fn waits(dispatcher: *const rw_dispatcher) -> Result<(), rw_error> {
    shared(dispatcher).ok_or(rw_error::RW_INVALID)?;
    can_wait()
}

/// Gives the right to dispatch back.
///
/// One thread at a time; interrupts too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rw_dispatcher_release(dispatcher: *mut rw_dispatcher) -> rw_error {
    release(dispatcher)
}

const _: () = assert!(rw_handler::TAG != 0);
