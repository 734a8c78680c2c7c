//! The rules that come along, as text: what `roundsman alerts defaults` prints.

/// A file of rules that is good to begin with.
pub const SHIPPED: &str = include_str!("shipped.toml");

#[cfg(test)]
mod tests;
