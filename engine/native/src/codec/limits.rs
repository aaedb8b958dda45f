//! How much of anything is read.

/// Octets of the start line and the header fields together.
pub const MAX_HEADER_SECTION: usize = 64 * 1024;
/// Header fields of one message.
pub const MAX_HEADER_FIELDS: usize = 512;
/// Octets of a body.
pub const MAX_BODY: usize = 1024 * 1024;
/// Parameters of one URI, address or Via: names are compared pairwise.
pub const MAX_PARAMS: usize = 64;
/// Values of one list header field (Contact, Route).
pub const MAX_VALUES: usize = 512;
/// Octets of a session description.
pub const MAX_SDP: usize = 64 * 1024;
/// m= lines of a session description.
pub const MAX_MEDIA: usize = 64;
/// Attributes of a session description, or of one of its m= lines.
pub const MAX_ATTRIBUTES: usize = 1024;
/// Formats of one m= line.
pub const MAX_FORMATS: usize = 128;
