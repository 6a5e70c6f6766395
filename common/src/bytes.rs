//! The bounded byte reader: the only way that foreign bytes are read.

/// Bytes that may end anywhere. `None` is "past the end"; there is no other failure and no panic.
///
/// A slice is one; the XDP program has one over packet memory, whose bound check is the one the verifier asks for.
pub trait Bytes {
    /// What `read` makes of `N` bytes from offset `at`, looked at where they are.
    fn look<const N: usize, R>(&self, at: usize, read: impl FnOnce(&[u8; N]) -> R) -> Option<R>;

    /// `N` bytes from offset `at`.
    #[inline(always)]
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.look(at, |bytes| *bytes)
    }

    /// The same number, of which nothing is known any more. Only the XDP program's reader does something here: its
    /// verifier then walks what follows once, and not once for every way that led to another value.
    #[inline(always)]
    fn opaque(&self, value: usize) -> usize {
        value
    }

    /// The same number, made ready now. Only the XDP program's reader does something here: it has few registers, and a
    /// long sum whose parts were all read before the first was added would go to the stack and back.
    #[inline(always)]
    fn settled(&self, value: u64) -> u64 {
        value
    }

    /// One byte.
    #[inline(always)]
    fn u8(&self, at: usize) -> Option<u8> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    /// Two bytes in network order.
    #[inline(always)]
    fn be16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }
}

impl Bytes for [u8] {
    #[inline]
    fn look<const N: usize, R>(&self, at: usize, read: impl FnOnce(&[u8; N]) -> R) -> Option<R> {
        self.get(at..at.checked_add(N)?)?.try_into().ok().map(read)
    }
}

impl<B: Bytes + ?Sized> Bytes for &B {
    #[inline(always)]
    fn look<const N: usize, R>(&self, at: usize, read: impl FnOnce(&[u8; N]) -> R) -> Option<R> {
        (**self).look(at, read)
    }

    #[inline(always)]
    fn opaque(&self, value: usize) -> usize {
        (**self).opaque(value)
    }

    #[inline(always)]
    fn settled(&self, value: u64) -> u64 {
        (**self).settled(value)
    }
}
