//! The three forms of an operation, from one declaration.

/// Declares the three forms of an operation: one waits, one does not, one waits until a deadline.
///
/// Write `pub fn op, pub fn try_op, pub fn op_deadline:`, then the arguments of all three, their
/// result, and the private function that they call. That function takes a
/// [`Timeout`](super::Timeout) as its last argument. The documentation is that of the form that
/// waits. The other two refer to it, and its example shows all three.
macro_rules! forms {
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $plain:ident, $_try:vis fn $try:ident, $_deadline:vis fn $deadline:ident:
        (&self $(, $arg:ident: $Arg:ty)* $(,)?) -> $Out:ty = $by:ident;
    )+) => {
        $($crate::fd::forms!(@each [(&self $(, $arg: $Arg)*)] [Self::] [self.$by]
            $(#[$doc])* $vis $plain $try $deadline ($($arg),*) $Out);)+
    };
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $plain:ident, $_try:vis fn $try:ident, $_deadline:vis fn $deadline:ident:
        (&mut self $(, $arg:ident: $Arg:ty)* $(,)?) -> $Out:ty = $by:ident;
    )+) => {
        $($crate::fd::forms!(@each [(&mut self $(, $arg: $Arg)*)] [Self::] [self.$by]
            $(#[$doc])* $vis $plain $try $deadline ($($arg),*) $Out);)+
    };
    ($(
        $(#[$doc:meta])*
        $vis:vis fn $plain:ident, $_try:vis fn $try:ident, $_deadline:vis fn $deadline:ident:
        ($($arg:ident: $Arg:ty),+ $(,)?) -> $Out:ty = $by:ident;
    )+) => {
        $($crate::fd::forms!(@each [($($arg: $Arg),*)] [fn@] [$by]
            $(#[$doc])* $vis $plain $try $deadline ($($arg),*) $Out);)+
    };
    (@each [($($takes:tt)*)] [$($scope:tt)*] [$($by:tt)+]
        $(#[$doc:meta])* $vis:vis $plain:ident $try:ident $deadline:ident ($($arg:ident),*) $Out:ty
    ) => {
        $(#[$doc])*
        $vis fn $plain($($takes)*) -> $crate::Result<$Out> {
            $($by)+($($arg,)* $crate::fd::Timeout::NEVER)
        }

        #[doc = concat!(
            "[`", stringify!($plain), "`](", $crate::fd::forms!(@scope $($scope)*), stringify!($plain), ") without waiting.\n\n",
            "# Errors\n",
            "[`WouldBlock`](crate::CoreError::WouldBlock) if that would wait; else those of the plain form.",
        )]
        $vis fn $try($($takes)*) -> $crate::Result<$Out> {
            $($by)+($($arg,)* $crate::fd::Timeout::Now)
        }

        #[doc = concat!(
            "[`", stringify!($plain), "`](", $crate::fd::forms!(@scope $($scope)*), stringify!($plain), "), ",
            "waiting at most until `deadline`; with `None`, as long as it takes.\n\n",
            "# Errors\n",
            "[`TimedOut`](crate::CoreError::TimedOut) when `deadline` passed first, never before it; else those of the plain form.",
        )]
        $vis fn $deadline($($takes)*, deadline: Option<std::time::Instant>) -> $crate::Result<$Out> {
            $($by)+($($arg,)* $crate::fd::Timeout::Until(deadline))
        }
    };
    (@scope Self::) => { "Self::" };
    (@scope fn@) => { "fn@" };
}
pub(crate) use forms;
