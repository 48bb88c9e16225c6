//! Personal cells: what is kept of them is a keyed hash or a province, and undeclared ones are known by their names.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Keys the hashes of one project; never shown.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key of any length.
    pub(crate) fn new(salt: &[u8]) -> Self {
        // HMAC takes a key of any length: longer ones are hashed, shorter ones padded.
        Self(
            Hmac::new_from_slice(salt)
                .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default())),
        )
    }

    /// The first 128 bits of HMAC-SHA256 of a cell in hex; nothing for null marks and for what the platform has masked,
    /// because two masked people would become one.
    pub(crate) fn hash(&self, cell: &str) -> Option<String> {
        let cell = crate::cells::blank(cell).filter(|cell| !masked(cell))?;
        let mut mac = self.0.clone();
        mac.update(cell.as_bytes());
        let bytes = mac.finalize().into_bytes();
        Some(
            bytes
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

/// Whether the platform has hidden the cell: `##密文`, `$$密文`, `张**`.
fn masked(cell: &str) -> bool {
    cell.starts_with("##") || cell.starts_with("$$") || cell.contains("**") || cell.contains('＊')
}

/// The part of a personal cell that may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The province at the beginning of a Chinese address.
    Province,
}

impl Part {
    /// By the name that mappings use.
    pub(crate) fn named(name: &str) -> Option<Self> {
        (name == "province").then_some(Self::Province)
    }

    /// That part of a cell, if it has one.
    pub(crate) fn of(self, cell: &str) -> Option<&'static str> {
        match self {
            Self::Province => province(cell),
        }
    }
}

const PROVINCES: [&str; 34] = [
    "北京",
    "天津",
    "上海",
    "重庆",
    "河北",
    "山西",
    "辽宁",
    "吉林",
    "黑龙江",
    "江苏",
    "浙江",
    "安徽",
    "福建",
    "江西",
    "山东",
    "河南",
    "湖北",
    "湖南",
    "广东",
    "海南",
    "四川",
    "贵州",
    "云南",
    "陕西",
    "甘肃",
    "青海",
    "台湾",
    "内蒙古",
    "广西",
    "西藏",
    "宁夏",
    "新疆",
    "香港",
    "澳门",
];

/// The province that an address begins with, by its short name.
fn province(address: &str) -> Option<&'static str> {
    let address = crate::cells::blank(address)?;
    let address = address.strip_prefix("中国").unwrap_or(address).trim_start();
    PROVINCES.into_iter().find(|name| address.starts_with(name))
}

/// Whether a column that nobody declared is to be taken for personal by its name.
pub(crate) fn looks_personal(header: &str) -> bool {
    const CHINESE: [&str; 14] = [
        "收件人",
        "收货人",
        "手机",
        "电话",
        "地址",
        "姓名",
        "身份证",
        "买家",
        "联系人",
        "联系方式",
        "邮箱",
        "会员名",
        "旺旺",
        "微信",
    ];
    const ENGLISH: [&str; 12] = [
        "phone",
        "mobile",
        "address",
        "email",
        "e-mail",
        "firstname",
        "lastname",
        "fullname",
        "customername",
        "buyername",
        "recipient",
        "receiver",
    ];
    let lower: String = header
        .to_lowercase()
        .chars()
        .filter(|c| !matches!(c, ' ' | '_'))
        .collect();
    CHINESE.iter().any(|word| lower.contains(word))
        || ENGLISH.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 2: key "Jefe", data "what do ya want for nothing?".
        let got = Key::new(b"Jefe")
            .hash("what do ya want for nothing?")
            .unwrap();
        assert_eq!(got, "5bdcc146bf60754e6a042426089575c7");
    }

    #[test]
    fn masked_and_missing_cells_are_nobody() {
        let key = Key::new(b"salt");
        for cell in ["张**", "##ciphertext", "$$abc", "****", "-", ""] {
            assert_eq!(key.hash(cell), None, "{cell}");
        }
        assert_ne!(
            key.hash("13800000000"),
            Key::new(b"other").hash("13800000000")
        );
    }

    #[test]
    fn an_address_gives_its_province() {
        assert_eq!(Part::Province.of("内蒙古自治区呼和浩特市"), Some("内蒙古"));
        assert_eq!(Part::Province.of("上海"), Some("上海"));
        assert_eq!(Part::Province.of("中国 广东省深圳市"), Some("广东"));
        assert_eq!(Part::Province.of("12 High Street"), None);
    }

    #[test]
    fn names_of_people_are_recognised() {
        for header in [
            "收件人手机号",
            "买家留言",
            "Customer Name",
            "E-mail",
            "ship_address",
            "first_name",
        ] {
            assert!(looks_personal(header), "{header}");
        }
        for header in ["商品名称", "达人昵称", "CustomerID", "订单状态", "quantity"] {
            assert!(!looks_personal(header), "{header}");
        }
    }
}
