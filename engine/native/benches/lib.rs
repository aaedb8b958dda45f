//! Nothing: the benches are beside.
