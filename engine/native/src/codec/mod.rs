//! SIP and SDP bytes to typed values and back (RFC 3261, RFC 8866).
