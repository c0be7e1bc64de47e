//! Keys of lookups and tries in errors.

/// How many bytes of a key an error shows.
const SHOWN: usize = 80;

/// A key for people: as text, if it is, and not all of a long one.
pub(crate) fn shown(key: &[u8]) -> String {
    let text = match std::str::from_utf8(key) {
        Ok(text) => text.escape_debug().to_string(),
        Err(_) => key.escape_ascii().to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…` ({} bytes)", &text[..end], key.len()),
        None => format!("`{text}`"),
    }
}
