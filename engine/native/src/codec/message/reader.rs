//! The header fields that every message needs (RFC 3261 §8.1.1), and the scalars that must be right.

use std::borrow::Cow;

use super::{CSeq, Contact};
use crate::codec::address::Address;
use crate::codec::error::{excerpt, ParseError, Result};
use crate::codec::grammar::{is_all, number, text, trim, Cursor, TOKEN, VISIBLE};
use crate::codec::header::{Field, Fields, Kind};
use crate::codec::via::Via;

/// Reads the fields that every message needs, going on after the first error.
pub(super) struct Reader<'a> {
    pub(super) raw: &'a [u8],
    pub(super) fields: &'a Fields,
    pub(super) error: Option<ParseError>,
}

impl<'a> Reader<'a> {
    pub(super) fn note(&mut self, error: Option<ParseError>) {
        if self.error.is_none() {
            self.error = error;
        }
    }

    fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.note(Some(error))).ok()
    }

    fn required(&mut self, kind: Kind, missing: &'static str) -> Option<Cow<'a, [u8]>> {
        let field: Option<&'a Field> = self.fields.first(kind);
        let missing =
            || ParseError::new(missing, format!("expected a {} header field", kind.name()));
        self.keep(field.ok_or_else(missing))
            .map(|field| field.text(self.raw))
    }

    /// The top Via, and whether it could be read only in part. All the others are checked.
    pub(super) fn via(&mut self) -> (Option<Via>, bool) {
        let mut top = None;
        let mut error = None;
        self.required(Kind::Via, "Missing Via");
        for (index, field) in self.fields.of(Kind::Via).enumerate() {
            let value = field.text(self.raw);
            let result = read_vias(&value, |via| {
                top.get_or_insert((via, false));
            });
            if index == 0 && top.is_none() {
                top = Via::read_leniently(&mut Cursor::new(&value)).map(|via| (via, true));
            }
            error = error.or(result.err());
        }
        self.note(error.map(|error| error.within("Bad Via")));
        top.map_or((None, true), |(via, is_partial)| (Some(via), is_partial))
    }

    pub(super) fn address(
        &mut self,
        kind: Kind,
        missing: &'static str,
        bad: &'static str,
    ) -> Option<Address> {
        let text = self.required(kind, missing)?;
        self.keep(Address::parse(&text).map_err(|error| error.within(bad)))
    }

    pub(super) fn call_id(&mut self) -> Option<String> {
        let value = self.required(Kind::CallId, "Missing Call-ID")?;
        let bad = || {
            ParseError::new(
                "Bad Call-ID",
                format!("expected visible ASCII, got {}", excerpt(&value)),
            )
        };
        self.keep(if is_all(VISIBLE, &value) {
            Ok(text(&value))
        } else {
            Err(bad())
        })
    }

    pub(super) fn cseq(&mut self) -> Option<CSeq> {
        let value = self.required(Kind::CSeq, "Missing CSeq")?;
        let digits = value
            .iter()
            .position(|octet| !octet.is_ascii_digit())
            .unwrap_or(value.len());
        let method = trim(&value[digits..]);
        let is_split = method.len() < value.len() - digits && is_all(TOKEN, method);
        let read = number(&value[..digits], (1 << 31) - 1).filter(|_| is_split);
        let bad = || {
            ParseError::new(
                "Bad CSeq",
                format!(
                    "expected a number below 2**31 and a method, got {}",
                    excerpt(&value)
                ),
            )
        };
        self.keep(read.ok_or_else(bad)).map(|number| CSeq {
            number: number as u32,
            method: text(method),
        })
    }

    pub(super) fn contact(&mut self) -> Option<Contact> {
        let mut list = Vec::new();
        let mut fields = self.fields.of(Kind::Contact).peekable();
        while let Some(field) = fields.next() {
            let value = field.text(self.raw);
            if &value[..] == b"*" && list.is_empty() && fields.peek().is_none() {
                return Some(Contact::Star);
            }
            let read = Address::parse_list(&value).map_err(|error| error.within("Bad Contact"));
            list.extend(self.keep(read)?);
        }
        Some(Contact::Addresses(list))
    }

    pub(super) fn max_forwards(&mut self) -> Option<u8> {
        let field = self.fields.first(Kind::MaxForwards)?;
        let value = field.text(self.raw);
        let bad = || {
            ParseError::new(
                "Bad Max-Forwards",
                format!("expected a number, got {}", excerpt(&value)),
            )
        };
        let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        self.keep(if is_number {
            Ok(number(&value, 255).unwrap_or(255) as u8)
        } else {
            Err(bad())
        })
    }

    /// What will be copied into responses or make a route set has to be well formed.
    pub(super) fn check_routes(&mut self) {
        for (kind, bad) in [
            (Kind::Route, "Bad Route"),
            (Kind::RecordRoute, "Bad Record-Route"),
        ] {
            for field in self.fields.of(kind) {
                let read =
                    Address::parse_list(&field.text(self.raw)).map_err(|error| error.within(bad));
                self.keep(read);
            }
        }
    }
}

/// Every value of one Via field.
pub(super) fn read_vias(value: &[u8], mut add: impl FnMut(Via)) -> Result<()> {
    let mut cursor = Cursor::new(value);
    loop {
        add(Via::read(&mut cursor)?);
        if !cursor.take(b',') {
            return cursor.end();
        }
    }
}
