//! One shop from its first day to its last: each day is lived, written and forgotten; only totals and stories stay.

use crate::calendar::Calendar;
use crate::catalog::{BREAK, CARRIERS, HIT, LIVE, STOCK_OUT, Shop};
use crate::demand::Demand;
use crate::erp::Erp;
use crate::options::DemoOptions;
use crate::random::of;
use crate::simulate::{Day, Simulation};
use crate::stories::{Plan, ShopTruth, Story, yuan};
use crate::write::files::Files;
use chenbao_model::diagnostic::Problems;
use std::collections::VecDeque;
use std::path::Path;

/// A shop being made.
pub(crate) struct Run<'a> {
    calendar: &'a Calendar,
    shop: &'a Shop,
    plan: Option<Plan>,
    demand: Demand<'a>,
    simulation: Simulation<'a>,
    files: Files<'a>,
    truth: ShopTruth,
    paid_fen: i64,
    hit: Hit,
    /// Units of the stock-out product on the last seven days.
    week: VecDeque<i64>,
}

/// What the pseudo-hit's days add up to.
#[derive(Debug, Default)]
struct Hit {
    units: i64,
    /// In millionths.
    usual: i64,
    orders: i64,
    advertised: i64,
    lines: i64,
    refunded: i64,
}

impl<'a> Run<'a> {
    /// A shop before its first day, its folders made.
    pub(crate) fn new(
        exports: &Path,
        options: &DemoOptions,
        calendar: &'a Calendar,
        (shop, demand): (&'a Shop, Demand<'a>),
    ) -> Result<Self, Problems> {
        let plan = (shop.number == 1).then(|| Plan::new(options.stories, calendar));
        Ok(Self {
            calendar,
            shop,
            plan,
            demand,
            simulation: Simulation::new(options.seed, calendar, shop, demand, plan),
            files: Files::new(&exports.join(shop.id), calendar, shop)?,
            truth: ShopTruth {
                shop: shop.id.to_owned(),
                ..ShopTruth::default()
            },
            paid_fen: 0,
            hit: Hit::default(),
            week: VecDeque::new(),
        })
    }

    /// Lives and writes every day; says how many order lines are done.
    pub(crate) async fn live(
        mut self,
        erp: &mut Erp,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(ShopTruth, Vec<Story>), Problems> {
        erp.products(self.shop).await?;
        let mut stories = Vec::new();
        for day in self.calendar.first..=self.calendar.last {
            let lived = self.simulation.day(day);
            self.files.day(&lived, &self.simulation.stock)?;
            erp.buyers(self.calendar, self.shop, &lived.orders).await?;
            self.count(&lived);
            progress(self.truth.order_lines);
            if day == self.calendar.last {
                stories = self.stories(&lived);
            }
        }
        self.files.products(&self.simulation.stock)?;
        self.truth.paid_amount = yuan(self.paid_fen);
        Ok((self.truth, stories))
    }

    fn count(&mut self, day: &Day) {
        let lines: usize = day.orders.iter().map(|order| order.lines.len()).sum();
        self.truth.order_lines += u64::try_from(lines).unwrap_or(0);
        self.truth.orders += u64::try_from(day.orders.len()).unwrap_or(0);
        let shop = day.traffic.shop();
        self.truth.paid_orders += shop.counts.orders.unsigned_abs();
        self.paid_fen += shop.counts.amount;
        self.truth.last_day_paid_orders = shop.counts.orders.unsigned_abs();
        self.truth.last_day_paid_amount = yuan(shop.counts.amount);
        self.truth.last_day_buyers = shop.users[4].unsigned_abs();
        if self.week.len() == 7 {
            self.week.pop_front();
        }
        self.week.push_back(day.traffic.units(STOCK_OUT));
        if self
            .plan
            .is_some_and(|plan| plan.stories.pseudo_hit && day.day >= plan.hit_from())
        {
            self.count_hit(day);
        }
    }

    fn count_hit(&mut self, day: &Day) {
        let hit = &mut self.hit;
        hit.usual += self.demand.units(day.day, HIT);
        for order in day
            .orders
            .iter()
            .filter(|order| order.cell / CARRIERS.len() == HIT && order.paid.is_some())
        {
            hit.orders += 1;
            hit.advertised += i64::from(order.advertised);
            for line in &order.lines {
                hit.units += line.qty;
                hit.lines += 1;
                hit.refunded +=
                    i64::from(line.refund.is_some_and(|refund| refund.amount.is_some()));
            }
        }
    }

    /// The truth about what is planted in this shop, seen from its last day.
    fn stories(&self, last: &Day) -> Vec<Story> {
        let Some(plan) = self.plan else {
            return Vec::new();
        };
        let planted = [
            plan.stories
                .conversion_break
                .then(|| self.conversion_break(last)),
            plan.stories.pseudo_hit.then(|| self.pseudo_hit(&plan)),
            plan.stories.stock_out.then(|| self.stock_out()),
        ];
        planted.into_iter().flatten().collect()
    }

    fn conversion_break(&self, last: &Day) -> Story {
        let counts = last.traffic.cell(BREAK * CARRIERS.len() + LIVE);
        let product = &self.shop.products[BREAK];
        Story::ConversionBreak {
            shop: self.shop.id.to_owned(),
            product_id: product.id.to_string(),
            product_name: product.name.clone(),
            carrier: CARRIERS[LIVE].to_owned(),
            day: self.calendar.date(last.day).to_owned(),
            step: "click_to_order".to_owned(),
            clicks: counts.clicks,
            paid_orders: counts.orders,
            expected_orders: counts.orders + last.lost.0,
            lost_yuan: yuan(last.lost.1),
        }
    }

    fn pseudo_hit(&self, plan: &Plan) -> Story {
        let product = &self.shop.products[HIT];
        let hit = &self.hit;
        Story::PseudoHit {
            shop: self.shop.id.to_owned(),
            product_id: product.id.to_string(),
            product_name: product.name.clone(),
            from: self.calendar.date(plan.hit_from()).to_owned(),
            to: self.calendar.date(self.calendar.last).to_owned(),
            units: hit.units,
            usual_units: hit.usual / 1_000_000,
            advertised_permille: of(hit.advertised, 1000, hit.orders.max(1)),
            refund_permille: of(hit.refunded, 1000, hit.lines.max(1)),
            repurchases: 0,
        }
    }

    fn stock_out(&self) -> Story {
        let product = &self.shop.products[STOCK_OUT];
        let shelves = self.simulation.stock.shelves(STOCK_OUT);
        Story::StockOut {
            shop: self.shop.id.to_owned(),
            product_id: product.id.to_string(),
            product_name: product.name.clone(),
            day: self.calendar.date(self.calendar.last).to_owned(),
            available: shelves.iter().map(|shelf| shelf.available).sum(),
            in_transit: shelves.iter().map(crate::stock::Shelf::in_transit).sum(),
            units_7d: self.week.iter().sum(),
            lead_time: product.lead_time,
        }
    }
}
