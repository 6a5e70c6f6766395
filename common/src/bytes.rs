//! The bounded byte reader: the only way that foreign bytes are read.

/// Bytes that may end anywhere. `None` is "past the end"; there is no other failure and no panic.
///
/// A slice is one; the XDP program has one over packet memory, whose bound check is the one the verifier asks for.
pub trait Bytes {
    /// `N` bytes from offset `at`.
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]>;

    /// The same number, of which nothing is known any more. Only the XDP program's reader does something here: its
    /// verifier then walks what follows once, and not once for every way that led to another value.
    #[inline(always)]
    fn opaque(&self, value: usize) -> usize {
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
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}

impl<B: Bytes + ?Sized> Bytes for &B {
    #[inline(always)]
    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        (**self).array(at)
    }

    #[inline(always)]
    fn opaque(&self, value: usize) -> usize {
        (**self).opaque(value)
    }
}
