//! Small 抖店 order exports for tests.

/// Columns that the tests write: those that the mapping requires, and a product's title.
const HEAD: &str = "主订单编号,子订单编号,选购商品,商品ID,商品数量,商品金额,订单提交时间,支付完成时间,订单状态,订单应付金额,流量体裁";

/// One order line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Order id.
    pub order: String,
    /// Title of the product.
    pub title: String,
    /// When it was placed and paid.
    pub at: String,
    /// State.
    pub status: String,
    /// Amount payable.
    pub amount: String,
}

/// A paid line.
#[must_use]
pub fn line(order: u64, at: &str, amount: &str) -> Line {
    Line {
        order: format!("69179267688236{order:05}"),
        title: "加绒打底裤".into(),
        at: at.into(),
        status: "已完成".into(),
        amount: amount.into(),
    }
}

impl Line {
    /// Another title.
    #[must_use]
    pub fn title(mut self, title: &str) -> Self {
        self.title = title.into();
        self
    }

    /// Another state.
    #[must_use]
    pub fn status(mut self, status: &str) -> Self {
        self.status = status.into();
        self
    }
}

/// An export as the platform writes it: UTF-8 with a BOM, ids behind a TAB, quotes around everything.
#[must_use]
pub fn export(lines: &[Line]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let mut out = format!("\u{feff}{HEAD}\r\n");
    for line in lines {
        let order = format!("\t{}", line.order);
        let sub = format!("\t{}1", line.order);
        let product = format!(
            "\t3600123456{}",
            line.order.chars().rev().take(9).collect::<String>()
        );
        let cells = [
            &order,
            &sub,
            &line.title,
            &product,
            "1",
            &line.amount,
            &line.at,
            &line.at,
            &line.status,
            &line.amount,
            "直播",
        ]
        .map(|cell: &str| quoted(cell));
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}
