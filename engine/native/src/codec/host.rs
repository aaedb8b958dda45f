//! host and port, as in URIs and Via (RFC 3261 §25.1, RFC 5118).

use std::net::Ipv6Addr;

use super::error::{excerpt, ParseError, Result};
use super::grammar::{number, text, Cursor, HOST};

/// host [ ":" port ], as in URIs and Via. Stops behind it.
pub(crate) fn read_host_port(cursor: &mut Cursor<'_>) -> Result<(String, Option<u16>)> {
    let host = read_host(cursor)?;
    if !cursor.take(b':') {
        return Ok((host, None));
    }
    let start = cursor.at;
    while cursor.peek().is_some_and(|octet| octet.is_ascii_digit()) {
        cursor.at += 1;
    }
    let length = cursor.at - start;
    cursor.at = start;
    let port = number(&cursor.rest()[..length], u64::from(u16::MAX))
        .ok_or_else(|| cursor.error("a port number"))?;
    cursor.at += length;
    Ok((host, Some(port as u16)))
}

pub(crate) fn write_host_port(out: &mut String, host: &str, port: Option<u16>) {
    if host.contains(':') && !host.starts_with('[') {
        out.push('[');
        out.push_str(host);
        out.push(']');
    } else {
        out.push_str(host);
    }
    if let Some(port) = port {
        out.push(':');
        out.push_str(&port.to_string());
    }
}

fn read_host(cursor: &mut Cursor<'_>) -> Result<String> {
    if cursor.peek() == Some(b'[') {
        cursor.at += 1;
        let address = text(cursor.until(b']')?);
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(address),
            Err(_) => {
                let got = excerpt(address.as_bytes());
                Err(ParseError::new(
                    "Bad Host",
                    format!("expected an IPv6 address, got {got}"),
                ))
            }
        };
    }
    match cursor.run(HOST) {
        [] => Err(cursor.error("a host")),
        host => Ok(text(host)),
    }
}

/// Whether two spellings are one IP address or the same host name.
pub(crate) fn is_same_host(one: &str, other: &str) -> bool {
    match (one.parse::<Ipv6Addr>(), other.parse::<Ipv6Addr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.eq_ignore_ascii_case(other),
    }
}
