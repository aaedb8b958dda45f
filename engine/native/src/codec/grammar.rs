//! Character classes and the cursor of the hand-written parsers (RFC 3261 §25.1).
//!
//! The text under a cursor is one header value or URI, unfolded: it holds no CR and no LF.

use super::error::{excerpt, ParseError, Result};

/// token
pub(crate) const TOKEN: u16 = 1;
/// unreserved / user-unreserved, without escapes
pub(crate) const USER: u16 = 1 << 1;
/// what a password may hold, without escapes
pub(crate) const PASSWORD: u16 = 1 << 2;
/// paramchar of a URI, without escapes
pub(crate) const URI_PARAM: u16 = 1 << 3;
/// hname, hvalue and what joins them, without escapes
pub(crate) const URI_HEADER: u16 = 1 << 4;
/// host names; with the underscore that the world uses
pub(crate) const HOST: u16 = 1 << 5;
/// an unquoted parameter value: token, host, and what is seen in the wild
pub(crate) const VALUE: u16 = 1 << 6;
/// visible ASCII
pub(crate) const VISIBLE: u16 = 1 << 7;
/// a URI of whatever scheme
pub(crate) const URI: u16 = 1 << 8;
/// a display name without quotes: tokens and spaces; with the UTF-8 that the world uses
pub(crate) const DISPLAY: u16 = 1 << 9;

const fn contains(set: &[u8], octet: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == octet {
            return true;
        }
        at += 1;
    }
    false
}

const fn classify(octet: u8) -> u16 {
    let mut classes = 0;
    let alnum = octet.is_ascii_alphanumeric();
    let unreserved = alnum || contains(b"-_.!~*'()", octet);
    if alnum || contains(b"-.!%*_+`'~", octet) {
        classes |= TOKEN | DISPLAY;
    }
    if unreserved || contains(b"&=+$,;?/", octet) {
        classes |= USER;
    }
    if unreserved || contains(b"&=+$,", octet) {
        classes |= PASSWORD;
    }
    if unreserved || contains(b"[]/:&+$", octet) {
        classes |= URI_PARAM;
    }
    if unreserved || contains(b"[]/?:+$=&", octet) {
        classes |= URI_HEADER;
    }
    if alnum || contains(b"-._", octet) {
        classes |= HOST;
    }
    if octet > 0x20 && octet < 0x7f {
        classes |= VISIBLE;
        if !contains(b"\",;<>\\", octet) {
            classes |= VALUE;
        }
        if !contains(b"\"<>", octet) {
            classes |= URI;
        }
    }
    if octet == b' ' || octet == b'\t' || octet >= 0x80 {
        classes |= DISPLAY;
    }
    classes
}

static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = classify(octet as u8);
        octet += 1;
    }
    table
};

pub(crate) fn is(class: u16, octet: u8) -> bool {
    CLASSES[octet as usize] & class != 0
}

/// Not empty, and every octet of the class.
pub(crate) fn is_all(class: u16, text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&octet| is(class, octet))
}

pub(crate) fn is_lws(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text {
        if !is_lws(*first) {
            break;
        }
        text = rest;
    }
    while let [rest @ .., last] = text {
        if !is_lws(*last) {
            break;
        }
        text = rest;
    }
    text
}

/// ASCII (already checked by class) or, at worst, its replacement.
pub(crate) fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// A decimal number of digits only, up to `max`.
pub(crate) fn number(digits: &[u8], max: u64) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |sum, &digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?
            .checked_add(digit)
            .filter(|&sum| sum <= max)
    })
}

/// Octets with every %HH replaced, once. None: something is neither of the class nor an escape.
pub(crate) fn unescape(text: &[u8], class: u16) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&octet) = text.get(at) {
        if octet == b'%' {
            let high = char::from(*text.get(at + 1)?).to_digit(16)?;
            let low = char::from(*text.get(at + 2)?).to_digit(16)?;
            out.push((high * 16 + low) as u8);
            at += 3;
        } else if is(class, octet) {
            out.push(octet);
            at += 1;
        } else {
            return None;
        }
    }
    Some(out)
}

/// Text with everything outside the class as %HH.
pub(crate) fn escape(out: &mut String, text: &str, class: u16) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &octet in text.as_bytes() {
        if is(class, octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(octet >> 4)]));
            out.push(char::from(HEX[usize::from(octet & 15)]));
        }
    }
}

/// Text as a quoted-string; control characters are left out.
pub(crate) fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars().filter(|c| !c.is_ascii_control()) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

/// A place in a text.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    pub(crate) fn skip_lws(&mut self) {
        while self.peek().is_some_and(is_lws) {
            self.at += 1;
        }
    }

    /// Take this octet, with LWS around it, if it is next.
    pub(crate) fn take(&mut self, octet: u8) -> bool {
        let start = self.at;
        self.skip_lws();
        if self.peek() == Some(octet) {
            self.at += 1;
            self.skip_lws();
            return true;
        }
        self.at = start;
        false
    }

    pub(crate) fn expect(&mut self, octet: u8) -> Result<()> {
        if self.take(octet) {
            return Ok(());
        }
        Err(self.error(&format!("{:?}", char::from(octet))))
    }

    /// The longest run of a class, perhaps empty.
    pub(crate) fn run(&mut self, class: u16) -> &'a [u8] {
        let start = self.at;
        while self.peek().is_some_and(|octet| is(class, octet)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    pub(crate) fn token(&mut self) -> Result<&'a [u8]> {
        match self.run(TOKEN) {
            [] => Err(self.error("a token")),
            token => Ok(token),
        }
    }

    /// Everything up to this octet, which is taken too.
    pub(crate) fn until(&mut self, octet: u8) -> Result<&'a [u8]> {
        match self.rest().iter().position(|&other| other == octet) {
            Some(length) => {
                let taken = &self.rest()[..length];
                self.at += length + 1;
                Ok(taken)
            }
            None => Err(self.error(&format!("{:?}", char::from(octet)))),
        }
    }

    /// The inside of a quoted-string, unescaped. The opening quote is next.
    pub(crate) fn quoted(&mut self) -> Result<String> {
        let start = self.at;
        let mut inside = Vec::new();
        self.at += 1;
        while let Some(octet) = self.peek() {
            self.at += 1;
            match octet {
                b'"' => return Ok(text(&inside)),
                b'\\' => match self.peek() {
                    Some(escaped) if escaped < 0x80 => {
                        inside.push(escaped);
                        self.at += 1;
                    }
                    _ => return Err(self.error("an ASCII character after the backslash")),
                },
                b'\t' => inside.push(b' '), // LWS is LWS
                0..=0x1f | 0x7f => {
                    return Err(self.error("no control character in a quoted string"))
                }
                _ => inside.push(octet),
            }
        }
        self.at = start;
        Err(self.error("a closing quote"))
    }

    pub(crate) fn error(&self, expected: &str) -> ParseError {
        let got = if self.rest().is_empty() {
            "the end".to_owned()
        } else {
            excerpt(self.rest())
        };
        ParseError::new("Bad Request", format!("expected {expected}, got {got}"))
    }

    /// Nothing but LWS is left.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.skip_lws();
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(self.error("the end"))
    }
}
