//! The RTP data plane (RFC 3550, RFC 3551, RFC 4733).
