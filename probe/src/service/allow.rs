//! From which addresses a probe lets itself be asked.

use std::{net::IpAddr, str::FromStr};

/// A network, or one address: `10.0.0.0/8`, `2001:db8::/32`, `10.0.0.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many of its last bits do not count.
    rest: u32,
}

impl Network {
    /// Whether an address is in it. IPv6 that holds an IPv4 address is taken for that one.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differ = of_128_bits(self.address) ^ of_128_bits(address);
        self.address.is_ipv4() == address.is_ipv4()
            && differ.checked_shr(self.rest).unwrap_or(0) == 0
    }
}

fn of_128_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected a network such as 10.0.0.0/8 or 2001:db8::/32, or an address";
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| expected())?;
        let most: u32 = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| expected())?;
        let rest = most.checked_sub(bits).ok_or_else(expected)?;
        let below = 1_u128.checked_shl(rest).map_or(u128::MAX, |above| above - 1);
        match of_128_bits(address) & below {
            0 => Ok(Self { address, rest }),
            // Most likely a slip: whether the address or the length was meant cannot be told.
            _ => Err(format!("{address} has bits beyond the first {bits}; {}", expected())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_its_first_bits() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "a00::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("192.168.4.0/22", "192.168.7.255", "192.168.8.0"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network:?} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{network:?} {outside}");
        }
        for all in ["0.0.0.0/0", "::/0"] {
            let network: Network = all.parse().unwrap();
            let own = if all == "::/0" { "2001::1" } else { "192.0.2.1" };
            assert!(network.contains(own.parse().unwrap()), "{all}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.1/8", "::/129", "10/8", "::1/64"]
        {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
