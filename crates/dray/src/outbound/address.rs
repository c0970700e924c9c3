//! Which addresses may be asked: those of the public internet, and the ranges that the administrator allows.
//! Everything else may be a machine inside, which trusts whoever reaches it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dray_model::{Error, Result};
use ipnet::IpNet;

/// IPv4 ranges that are not the public internet, and what they are.
const INSIDE_V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified address"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private address"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's private address"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "this machine itself"),
    // Azure answers its machines here, though the range is public.
    (Ipv4Addr::new(168, 63, 129, 16), 32, "a metadata address"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local or metadata address"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private address"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved address"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "an address of documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay's address"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private address"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "an address of benchmarks"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "an address of documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "an address of documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast address"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved address"),
];

/// The only range of IPv6 in which public machines are.
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// IPv6 ranges within it that are not the public internet.
const INSIDE_V6: &[(Ipv6Addr, u32, &str)] = &[
    // Teredo, benchmarks, ORCHID and what else has a protocol's own meaning.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "an address of a protocol, Teredo perhaps"),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32, "an address of documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "an IPv4 address in an IPv6 one (6to4)"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "an address of documentation"),
];

/// Networks with IPv6 only reach IPv4 through these: the address within is what is reached.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Decides which addresses may be asked.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<IpNet>,
    all: bool,
}

impl Guard {
    /// The public internet and these ranges.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed, all: false }
    }

    /// Every address: for what the administrator has set.
    pub fn everywhere() -> Self {
        Self { allowed: Vec::new(), all: true }
    }

    /// An error says what kind of address it is.
    pub fn check(&self, address: IpAddr) -> std::result::Result<(), &'static str> {
        // An IPv4 address in the clothes of IPv6 is reached as what it is.
        let plain = address.to_canonical();
        if self.all || self.allowed.iter().any(|range| range.contains(&plain)) {
            return Ok(());
        }
        match plain {
            IpAddr::V4(address) => match INSIDE_V4.iter().find(|range| is_in_v4(address, range.0, range.1)) {
                Some((_, _, what)) => Err(what),
                None => Ok(()),
            },
            IpAddr::V6(address) if is_in_v6(address, NAT64.0, NAT64.1) => {
                let [.., a, b, c, d] = address.octets();
                self.check(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
            }
            IpAddr::V6(address) if address.is_loopback() => Err("this machine itself"),
            IpAddr::V6(address) if !is_in_v6(address, PUBLIC_V6.0, PUBLIC_V6.1) => {
                Err("a private, local or reserved address")
            }
            IpAddr::V6(address) => match INSIDE_V6.iter().find(|range| is_in_v6(address, range.0, range.1)) {
                Some((_, _, what)) => Err(what),
                None => Ok(()),
            },
        }
    }
}

fn is_in_v4(address: Ipv4Addr, network: Ipv4Addr, prefix: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (32 - prefix) == 0
}

fn is_in_v6(address: Ipv6Addr, network: Ipv6Addr, prefix: u32) -> bool {
    (address.to_bits() ^ network.to_bits()) >> (128 - prefix) == 0
}

/// The ranges of a setting: `10.1.0.0/16`, or one address.
pub fn parse_ranges(texts: &[String]) -> Result<Vec<IpNet>> {
    let mut ranges = Vec::with_capacity(texts.len());
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let range = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        ranges.push(range.ok_or_else(|| {
            Error::request(format!("`{text}` is no range of addresses")).hint("write it as 10.1.0.0/16")
        })?);
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_refused_in_every_form() {
        let guard = Guard::default();
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "192.168.255.255",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:c0a8:1::",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        for text in inside {
            assert!(guard.check(text.parse().unwrap()).is_err(), "{text} is let through");
        }
    }

    #[test]
    fn the_public_internet_is_not() {
        let guard = Guard::default();
        let outside = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "2001:4860:4860::8888",
        ];
        for text in outside {
            assert!(guard.check(text.parse().unwrap()).is_ok(), "{text} is refused");
        }
    }

    #[test]
    fn the_administrator_may_allow_ranges() {
        let ranges =
            parse_ranges(&["10.1.0.0/16".to_owned(), " fd12::/16".to_owned(), String::new()]).unwrap();
        let guard = Guard::new(ranges);
        for (text, allowed) in [
            ("10.1.2.3", true),
            ("10.2.0.1", false),
            ("::ffff:10.1.2.3", true),
            ("64:ff9b::10.1.2.3", true),
            ("64:ff9b::10.2.0.1", false),
            ("fd12::1", true),
            ("fd13::1", false),
            ("169.254.169.254", false),
        ] {
            assert_eq!(guard.check(text.parse().unwrap()).is_ok(), allowed, "{text}");
        }
        assert!(Guard::everywhere().check("127.0.0.1".parse().unwrap()).is_ok());
        assert_eq!(parse_ranges(&["10.0.0.7".to_owned()]).unwrap()[0].to_string(), "10.0.0.7/32");
        assert!(parse_ranges(&["inside".to_owned()]).is_err());
    }
}
