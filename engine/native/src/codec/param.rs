//! Header parameters: `;name=value` (RFC 3261 §7.3.1), shared by addresses and Via.

use super::error::Result;
use super::grammar::{is_all, quote, text, Cursor, VALUE};
use super::limits::MAX_PARAMS;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// In lower case.
    pub name: String,
    /// Without quotes; None: the name stands alone.
    pub value: Option<String>,
    is_quoted: bool,
}

/// The parameters of one value, in their order; names are unique.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<Param>);

impl Params {
    /// The parameters that begin here. On error those before the bad one stay.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        while cursor.take(b';') {
            let name = text(cursor.token()?).to_ascii_lowercase();
            if self.get(&name).is_some() {
                return Err(cursor.error(&format!("parameter {name} once")));
            }
            if self.0.len() == MAX_PARAMS {
                return Err(cursor.error(&format!("at most {MAX_PARAMS} parameters")));
            }
            let (value, is_quoted) = read_value(cursor)?;
            self.0.push(Param {
                name,
                value,
                is_quoted,
            });
        }
        Ok(())
    }

    /// The parameter of this (lower case) name: Some(None) when it has no value.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        self.0
            .iter()
            .find(|param| param.name == name)
            .map(|param| param.value.as_deref())
    }

    /// Set, or change in its place.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|param| param.name == name) {
            Some(param) => param.value = value,
            None => self.0.push(Param {
                name: name.to_owned(),
                value,
                is_quoted: false,
            }),
        }
    }

    /// Take away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|param| param.name != name);
    }

    /// In their order.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    /// Append the wire form.
    pub(crate) fn write(&self, out: &mut String) {
        for param in &self.0 {
            out.push(';');
            out.push_str(&param.name);
            if let Some(value) = &param.value {
                out.push('=');
                if param.is_quoted || !is_all(VALUE, value.as_bytes()) {
                    quote(out, value);
                } else {
                    out.push_str(value);
                }
            }
        }
    }
}

fn read_value(cursor: &mut Cursor<'_>) -> Result<(Option<String>, bool)> {
    if !cursor.take(b'=') {
        return Ok((None, false));
    }
    if cursor.peek() == Some(b'"') {
        return Ok((Some(cursor.quoted()?), true));
    }
    match cursor.run(VALUE) {
        [] => Err(cursor.error("a parameter value")),
        value => Ok((Some(text(value)), false)),
    }
}
