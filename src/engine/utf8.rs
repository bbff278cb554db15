//! Turns token bytes into whole characters. One decoder per sequence.

/// Holds back the bytes of a character that is not complete yet.
#[derive(Debug, Default)]
pub(super) struct Utf8Decoder {
    held: Vec<u8>,
}

impl Utf8Decoder {
    /// The whole characters that are ready after `bytes`; broken bytes become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut out = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(text) => {
                    out.push_str(text);
                    self.held.clear();
                    return out;
                }
                Err(error) => {
                    let (valid, rest) = self.held.split_at(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(valid));
                    let Some(bad) = error.error_len() else {
                        self.held = rest.to_vec();
                        return out;
                    };
                    out.push('\u{fffd}');
                    self.held = rest.get(bad..).unwrap_or_default().to_vec();
                }
            }
        }
    }

    /// Forgets held bytes.
    pub(super) fn reset(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_split_over_tokens_comes_out_whole() {
        let mut decoder = Utf8Decoder::default();
        let bytes = "é😀".as_bytes();
        let mut out = String::new();
        for byte in bytes {
            out.push_str(&decoder.push(&[*byte]));
        }
        assert_eq!(out, "é😀");
    }

    #[test]
    fn broken_bytes_are_replaced_and_do_not_stop_the_rest() {
        let mut decoder = Utf8Decoder::default();
        assert_eq!(decoder.push(&[b'a', 0xff, b'b']), "a\u{fffd}b");
    }

    proptest::proptest! {
        #[test]
        fn any_split_of_any_text_gives_the_text(text in ".{0,40}", cut in 1usize..5) {
            let mut decoder = Utf8Decoder::default();
            let out: String = text.as_bytes().chunks(cut).map(|c| decoder.push(c)).collect();
            proptest::prop_assert_eq!(out, text);
        }
    }
}
