//! Messages into octets (RFC 3261 §7, §8.2.6).

use super::address::Address;
use super::error::BuildError;
use super::grammar::{is_all, Cursor, TOKEN};
use super::header::{Field, Kind};
use super::host::is_same_host;
use super::message::Message;
use super::reason::reason_phrase;
use super::start_line::StartLine;
use super::uri::Uri;
use super::via::Via;

/// What a response holds besides what it copies.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResponseParts<'a> {
    /// 100 to 699.
    pub status: u16,
    /// None: the standard phrase.
    pub reason: Option<&'a str>,
    /// Added to To where it has none.
    pub to_tag: Option<&'a str>,
    /// In this order.
    pub headers: &'a [(String, String)],
    /// Its type has to be among the headers.
    pub body: &'a [u8],
    /// Where the request came from (§18.2.1, RFC 3581 §4).
    pub received: Option<(&'a str, u16)>,
}

type Result<T> = std::result::Result<T, BuildError>;

/// A response to a request, also to a partial one.
pub fn response(request: &Message, parts: &ResponseParts<'_>) -> Result<Vec<u8>> {
    let StartLine::Request { method, .. } = &request.start_line else {
        return Err(BuildError(
            "expected a request to answer, got a response".to_owned(),
        ));
    };
    if !(100..=699).contains(&parts.status) {
        return Err(BuildError(format!(
            "expected a status from 100 to 699, got {}",
            parts.status
        )));
    }
    let reason = parts.reason.unwrap_or_else(|| reason_phrase(parts.status));
    check_text("reason phrase", reason)?;
    let mut out = Vec::with_capacity(request.raw().len() / 2 + parts.body.len() + 256);
    out.extend_from_slice(format!("SIP/2.0 {} {reason}\r\n", parts.status).as_bytes());
    copy_vias(&mut out, request, parts.received);
    copy_first(&mut out, request, Kind::From);
    copy_to(&mut out, request, parts.to_tag)?;
    copy_first(&mut out, request, Kind::CallId);
    copy_first(&mut out, request, Kind::CSeq);
    if makes_dialog(&request.raw()[method.clone()], parts.status) {
        copy_all(&mut out, request, Kind::RecordRoute);
    }
    if parts.status == 100 {
        copy_first(&mut out, request, Kind::Timestamp); // §8.2.6.1
    }
    const COPIED: [Kind; 6] = [
        Kind::Via,
        Kind::From,
        Kind::To,
        Kind::CallId,
        Kind::CSeq,
        Kind::ContentLength,
    ];
    finish(&mut out, parts.headers, parts.body, &COPIED)?;
    Ok(out)
}

/// A request of these header fields; Content-Length is added.
pub fn request(
    method: &str,
    uri: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<Vec<u8>> {
    if !is_all(TOKEN, method.as_bytes()) {
        return Err(BuildError(format!(
            "expected a method (a token), got {method:?}"
        )));
    }
    if Uri::parse(uri.as_bytes()).map_or(true, |uri| !uri.headers.is_empty()) {
        return Err(BuildError(format!("expected a Request-URI, got {uri:?}")));
    }
    let mut out = Vec::with_capacity(512 + body.len());
    out.extend_from_slice(format!("{method} {uri} SIP/2.0\r\n").as_bytes());
    finish(&mut out, headers, body, &[Kind::ContentLength])?;
    Ok(out)
}

fn finish(
    out: &mut Vec<u8>,
    headers: &[(String, String)],
    body: &[u8],
    written: &[Kind],
) -> Result<()> {
    for (name, value) in headers {
        if !is_all(TOKEN, name.as_bytes()) {
            return Err(BuildError(format!(
                "expected a header name (a token), got {name:?}"
            )));
        }
        if written.contains(&Kind::of(name.as_bytes())) {
            return Err(BuildError(format!(
                "expected no {name} header: it is written by itself"
            )));
        }
        check_text(name, value)?;
        put(out, name, value.as_bytes());
    }
    put(out, "Content-Length", body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Ok(())
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn check_text(what: &str, text: &str) -> Result<()> {
    if text.contains(['\r', '\n', '\0']) {
        return Err(BuildError(format!(
            "expected no CR, LF or NUL in {what}, got {text:?}"
        )));
    }
    Ok(())
}

/// §12.1.1: the route set of the dialog that these make.
fn makes_dialog(method: &[u8], status: u16) -> bool {
    (101..=299).contains(&status) && matches!(method, b"INVITE" | b"SUBSCRIBE" | b"REFER")
}

fn copy_field(out: &mut Vec<u8>, request: &Message, field: &Field) {
    put(out, field.kind.name(), &field.text(request.raw()));
}

fn copy_first(out: &mut Vec<u8>, request: &Message, kind: Kind) {
    if let Some(field) = request.fields.first(kind) {
        copy_field(out, request, field);
    }
}

fn copy_all(out: &mut Vec<u8>, request: &Message, kind: Kind) {
    for field in request.fields.of(kind) {
        copy_field(out, request, field);
    }
}

fn copy_to(out: &mut Vec<u8>, request: &Message, tag: Option<&str>) -> Result<()> {
    let Some(field) = request.fields.first(Kind::To) else {
        return Ok(());
    };
    let mut value = field.text(request.raw()).into_owned();
    if let (Some(tag), None) = (tag, request.to().ok().and_then(Address::tag)) {
        if !is_all(TOKEN, tag.as_bytes()) {
            return Err(BuildError(format!("expected a tag (a token), got {tag:?}")));
        }
        value.extend_from_slice(b";tag=");
        value.extend_from_slice(tag.as_bytes());
    }
    put(out, "To", &value);
    Ok(())
}

fn copy_vias(out: &mut Vec<u8>, request: &Message, received: Option<(&str, u16)>) {
    for (index, field) in request.fields.of(Kind::Via).enumerate() {
        let text = field.text(request.raw());
        match request
            .via()
            .ok()
            .filter(|_| index == 0)
            .and_then(|via| top_via(request, via, received))
        {
            Some(top) => {
                put_top_via(out, &top.to_string(), rest_of_vias(&text));
            }
            None => put(out, "Via", &text),
        }
    }
}

fn put_top_via(out: &mut Vec<u8>, top: &str, rest: &[u8]) {
    out.extend_from_slice(b"Via: ");
    out.extend_from_slice(top.as_bytes());
    out.extend_from_slice(rest);
    out.extend_from_slice(b"\r\n");
}

/// The top Via as it has to be in the response; None: just as it came.
fn top_via(request: &Message, via: &Via, received: Option<(&str, u16)>) -> Option<Via> {
    let Some((host, port)) = received else {
        return request.is_via_partial.then(|| via.clone());
    };
    let is_other = !is_same_host(&via.host, host);
    if !is_other && !via.wants_rport() && via.received().is_none() && !request.is_via_partial {
        return None;
    }
    let mut via = via.clone();
    via.params.remove("received"); // whatever the sender claims
    if is_other || via.wants_rport() {
        via.params.set("received", Some(host));
    }
    if via.wants_rport() {
        via.params.set("rport", Some(&port.to_string()));
    }
    Some(via)
}

/// From the comma behind the first value on; nothing if that value is malformed.
fn rest_of_vias(text: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new(text);
    Via::read(&mut cursor).map_or(&[], |_| cursor.rest())
}
