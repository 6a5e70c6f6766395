//! What the kernel answers to netlink requests: a number and a verdict. Reads bytes, owns no socket.

use std::io;

use netlink_packet_core::NLMSG_ERROR;

/// Cuts the first answer off `bytes`: the sequence number that it answers, and the kernel's verdict.
pub(super) fn split_answer(bytes: &mut &[u8]) -> Option<(u32, io::Result<()>)> {
    loop {
        let word = |at: usize| <[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok();
        let length = u32::from_ne_bytes(word(0)?) as usize;
        let [kind_low, kind_high, ..] = word(4)?;
        let sequence = u32::from_ne_bytes(word(8)?);
        let code = word(16).map(i32::from_ne_bytes);
        *bytes = bytes.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
        if u16::from_ne_bytes([kind_low, kind_high]) == NLMSG_ERROR {
            let verdict = match code? {
                0 => Ok(()),
                code => Err(io::Error::from_raw_os_error(-code)),
            };
            return Some((sequence, verdict));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer as the kernel writes it, with capped acknowledgements: header, code, header of the request.
    fn answer(sequence: u32, code: i32) -> [u8; 36] {
        let mut bytes = [0; 36];
        bytes[..4].copy_from_slice(&36_u32.to_ne_bytes());
        bytes[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes[16..20].copy_from_slice(&code.to_ne_bytes());
        bytes
    }

    #[test]
    fn answers_are_cut_off_one_by_one_and_other_messages_are_passed_over() {
        let mut other = answer(5, 0);
        other[4..6].copy_from_slice(&20_u16.to_ne_bytes());
        let bytes = [answer(7, 0), other, answer(8, -libc::EEXIST)].concat();
        let mut rest = &bytes[..];
        assert!(matches!(split_answer(&mut rest), Some((7, Ok(())))));
        let (sequence, refused) = split_answer(&mut rest).unwrap();
        assert_eq!((sequence, refused.unwrap_err().kind()), (8, io::ErrorKind::AlreadyExists));
        assert!(split_answer(&mut rest).is_none());
    }

    #[test]
    fn an_answer_that_is_cut_off_anywhere_is_none_and_ends() {
        let whole = answer(7, 0);
        for length in 0..20 {
            assert!(split_answer(&mut &whole[..length]).is_none(), "{length}");
        }
    }
}
