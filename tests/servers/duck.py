"""Computes the figures of a daily report in DuckDB, from the lake's own files, by the definitions that the metrics print.

usage: duck.py PROJECT DAY SHOP[,SHOP...]
Prints JSON: metric -> {"scalars": {id: {"value", "weekday", "weekday_median", "n"}}, "series": {id: {x: {y: value}}},
"tables": {id: {key: {column: value}}}}. Money of the lake stays decimal until it is printed.
"""

import json
import math
import pathlib
import sys
import tomllib
from datetime import date, timedelta

import duckdb

project, day, shops = pathlib.Path(sys.argv[1]), date.fromisoformat(sys.argv[2]), sys.argv[3].split(",")
db = duckdb.connect()


def current(table):
    """The newest revision of each day and feed: `<feed>-<number>-<digest>.parquet`."""
    newest = {}
    for shop in shops:
        for path in (project / "lake/tables" / table / shop).glob("*/*.parquet"):
            feed, number, _ = path.stem.rsplit("-", 2)
            slot = (path.parent, feed)
            newest[slot] = max(newest.get(slot, (0, "")), (int(number), str(path)))
    return [path for _, path in newest.values()]


for table in ["orders", "order_buyers", "refunds", "traffic", "ads", "inventory"]:
    db.execute(f"create table {table} as select * from read_parquet({current(table)})")

campaigns = tomllib.loads((project / "chenbao.toml").read_text())["campaign"].values()
in_campaign = lambda d: any(c["starts"] <= d <= c["ends"] for c in campaigns)
same_weekdays = [d for d in (day - timedelta(weeks=n) for n in range(1, 9)) if not in_campaign(d)]
week_ago = day - timedelta(weeks=1)
last_35 = [day - timedelta(days=n) for n in range(34, -1, -1)]

db.execute(
    """
    -- Pay clock: a line counts on the day it was paid.
    create table paid as
      select o.shop_id, o.order_id, o.product_id, o.carrier, o.pay_amount, o.qty, o.paid_at, o.paid_at::date as d,
             coalesce(o.buyer_key, b.buyer_key) as buyer
      from orders o left join order_buyers b using (shop_id, order_id)
      where o.paid_at is not null and o.paid_at < $day::date + 1;
    """.replace("$day", f"'{day}'")
)
db.execute(
    """
    create table paid_orders as select shop_id, order_id, min(d) as d from paid group by all;
    -- Money back by the pay day of its order; refund age 0: what went back by the end of the pay day.
    create table back as
      select p.d, r.shop_id, r.order_id, r.product_id, r.amount,
             coalesce(r.refunded_at::date, r.applied_at::date, r.day) as back_on
      from refunds r join paid_orders p using (shop_id, order_id) where r.amount is not null;
    create table same_day_back as select * from back where back_on <= d;
    create table firsts as select buyer, min(d) as first_day from paid where buyer is not null group by buyer;
    create table bought as select p.*, f.first_day from paid p left join firsts f using (buyer);
    """
)


def by_day(sql):
    """Rows of a query whose first column is the day."""
    cursor = db.execute(sql)
    names = [column[0] for column in cursor.description][1:]
    return {row[0]: dict(zip(names, row[1:])) for row in cursor.fetchall()}


def rows(sql, *values):
    cursor = db.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def ratio(over, under, times=1):
    if over is None or not under:
        return None
    return float(over) * times / float(under)


sales_days = by_day(
    """
    select d, sum(pay_amount) as paid, count(distinct (shop_id, order_id)) as orders, sum(qty) as units,
           count(distinct buyer) as buyers, sum(pay_amount) filter (buyer is not null) as paid_known,
           count(distinct buyer) filter (first_day = d) as new_buyers,
           coalesce(sum(pay_amount) filter (first_day < d), 0) as returning_amount
    from bought group by d
    """
)
back_days = by_day("select d, sum(amount) as refunded, count(distinct (shop_id, order_id)) as orders from same_day_back group by d")
refund_clock = by_day("select refunded_at::date, sum(amount) as amount from refunds where refunded_at is not null group by 1")
traffic_days = by_day(
    """
    select day, sum(impressions) as impressions, sum(clicks) as clicks, count(*) as shops,
           sum(click_users) as click_users, sum(impression_users) as impression_users
    from traffic where grain = 'shop_day' group by day
    """
)


def sales(d):
    f = sales_days[d]
    refunded = back_days.get(d, {}).get("refunded", 0)
    return {
        "paid_amount": f["paid"],
        "net_amount": f["paid"] - refunded,
        "refund_amount": refunded,
        "refund_rate": ratio(refunded, f["paid"], 100),
        "refund_amount_refund_clock": refund_clock.get(d, {}).get("amount"),
        "orders": f["orders"],
        "buyers": f["buyers"],
        "units": f["units"],
        "aov": ratio(f["paid_known"], f["buyers"]),
        "order_value": ratio(f["paid"], f["orders"]),
        "unit_price": ratio(f["paid"], f["units"]),
        "units_per_order": ratio(f["units"], f["orders"]),
    }


def traffic(d):
    t, f = traffic_days[d], sales_days[d]
    figures = {
        "impressions": t["impressions"],
        "clicks": t["clicks"],
        "click_rate": ratio(t["clicks"], t["impressions"], 100),
        "click_to_pay": ratio(f["orders"], t["clicks"], 100),
        "gpm": ratio(f["paid"], t["impressions"], 1000),
    }
    if t["shops"] == 1:  # UV of one row of the platform; never added
        figures["click_rate_users"] = ratio(t["click_users"], t["impression_users"], 100)
    return figures


def customers(d):
    f = sales_days[d]
    return {
        "buyers": f["buyers"],
        "new_buyers": f["new_buyers"],
        "returning_buyers": f["buyers"] - f["new_buyers"],
        "new_share": ratio(f["new_buyers"], f["buyers"], 100),
        "returning_amount": f["returning_amount"],
        "returning_amount_share": ratio(f["returning_amount"], f["paid_known"], 100),
    }


def repurchase(d):
    """Both forms: two orders within the 30 days that end with the day; buyers of 30 days ago who came again on a later day."""
    window = rows(
        """
        select count(*) as buyers, count(*) filter (orders >= 2) as again from (
          select buyer, count(distinct (shop_id, order_id)) as orders from paid
          where buyer is not null and d > ?::date - 30 and d <= ?::date group by buyer)
        """, d, d)[0]
    cohort = rows(
        """
        select count(*) as buyers, count(*) filter (exists (
          select 1 from paid l where l.buyer = c.buyer and l.d > ?::date - 30 and l.d <= ?::date)) as again
        from (select distinct buyer from paid where buyer is not null and d = ?::date - 30) c
        """, d, d, d)[0]
    return {
        "repurchase_30d": ratio(window["again"], window["buyers"], 100),
        "repurchase_30d_cohort": ratio(cohort["again"], cohort["buyers"], 100),
    }


def ads(d):
    a = rows(
        """
        select sum(spend) as spend, sum(shows) as shows, sum(clicks) as clicks, sum(paid_orders) as paid_orders,
               sum(paid_amount) as paid_amount,
               sum(spend) filter (coalesce(provisional, false) or _exported_at < day + interval 32 hours) as provisional_spend
        from ads where day = ?
        """, d)[0]
    return {
        "spend": a["spend"],
        "provisional_spend": a["provisional_spend"] or 0,
        "paid_amount": a["paid_amount"],
        "paid_orders": a["paid_orders"],
        "roi": ratio(a["paid_amount"], a["spend"]),
        "cpm": ratio(a["spend"], a["shows"], 1000),
        "ctr": ratio(a["clicks"], a["shows"], 100),
        "cpc": ratio(a["spend"], a["clicks"]),
    }


def median(values):
    values = sorted(float(value) for value in values if value is not None)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def scalars(figures):
    now, before = figures(day), figures(week_ago)
    past = [figures(d) for d in same_weekdays]
    return {
        name: {"value": now[name], "weekday": before[name], "weekday_median": median(p[name] for p in past), "n": len(past)}
        for name in now
    }


def history(figures, names):
    """The last 35 days; `names` maps the line to the figure."""
    return {d.isoformat(): {line: figures(d)[figure] for line, figure in names.items()} for d in last_35}


def decomposition():
    """LMDI-I over impressions x click rate x click-to-pay x order value, in whole fen."""
    (t1, f1), (t0, f0) = [(traffic_days[d], sales_days[d]) for d in (day, week_ago)]
    factors = lambda t, f: [t["impressions"], t["clicks"] / t["impressions"], f["orders"] / t["clicks"], float(f["paid"]) / f["orders"]]
    v1, v0 = float(f1["paid"]), float(f0["paid"])
    weight = (v1 - v0) / math.log(v1 / v0)
    parts = [round(weight * math.log(x1 / x0), 2) for x1, x0 in zip(factors(t1, f1), factors(t0, f0))]
    largest = max(range(4), key=lambda i: abs(parts[i]))
    parts[largest] = round(parts[largest] + (v1 - v0) - sum(parts), 2)
    return dict(zip(["traffic", "click_rate", "click_to_pay", "order_value"], parts))


def change(now, before):
    return None if not before else (float(now) / float(before) - 1) * 100


def paid_by(column, d):
    sql = f"""
        select {column} as key, sum(pay_amount) as paid, count(distinct (shop_id, order_id)) as orders, sum(qty) as units
        from paid where d = ? group by 1
    """
    return {row["key"]: row for row in rows(sql, d)}


def sales_tables():
    total, total_before = sales_days[day], sales_days[week_ago]
    carriers, before = paid_by("carrier", day), paid_by("carrier", week_ago)
    line = lambda now, then: {
        "paid": now["paid"], "share": ratio(now["paid"], total["paid"], 100), "previous": then and then["paid"],
        "change": then and change(now["paid"], then["paid"]), "orders": now["orders"], "order_value": ratio(now["paid"], now["orders"]),
    }
    by_carrier = {key: line(now, before.get(key)) for key, now in carriers.items()} | {"total": line(total, total_before)}
    products, before = paid_by("product_id", day), paid_by("product_id", week_ago)
    back = {row["product_id"]: row["amount"] for row in rows("select product_id, sum(amount) as amount from same_day_back where d = ? group by 1", day)}
    by_product = {
        key: line(now, before.get(key)) | {
            "units": now["units"], "unit_price": ratio(now["paid"], now["units"]), "refund_rate": ratio(back.get(key, 0), now["paid"], 100),
        }
        for key, now in products.items()
    }
    return {"by_carrier": by_carrier, "products": by_product}


def hours():
    sql = "select hour(paid_at) as h, sum(pay_amount) as paid from paid where d = ? group by 1"
    now, before = ({row["h"]: row["paid"] for row in rows(sql, d)} for d in (day, week_ago))
    return {f"{h:02}": {"paid": now.get(h, 0), "previous": before.get(h, 0)} for h in range(24)}


def views_by(grain, column, d):
    carrier = "carrier is null" if column == "product_id" else "carrier is not null"
    sql = f"select {column} as key, sum(impressions) as impressions, sum(clicks) as clicks from traffic where grain = '{grain}' and {carrier} and day = ? group by 1"
    return {row["key"]: row for row in rows(sql, d)}


def steps():
    def at(d):
        t, orders = traffic_days[d], sales_days[d]["orders"]
        return [t["impressions"], t["clicks"], orders, orders - back_days.get(d, {}).get("orders", 0)]

    rate = lambda counts, i: ratio(counts[i], counts[i - 1], 100) if i else None
    now, past = at(day), [at(d) for d in same_weekdays]
    return {
        name: {"count": now[i], "rate": rate(now, i), "baseline": median(rate(p, i) for p in past) if i else None}
        for i, name in enumerate(["impression", "click", "order", "kept"])
    }


def traffic_tables():
    carriers, sold = views_by("carrier_day", "carrier", day), paid_by("carrier", day)
    past = [(views_by("carrier_day", "carrier", d), paid_by("carrier", d)) for d in same_weekdays]
    nothing = {"orders": 0, "paid": 0}
    shared = lambda seen, deals: {
        "impressions": seen["impressions"], "clicks": seen["clicks"], "click_rate": ratio(seen["clicks"], seen["impressions"], 100),
        "click_to_pay": ratio(deals["orders"], seen["clicks"], 100), "orders": deals["orders"], "paid": deals["paid"],
    }
    by_carrier = {
        key: shared(seen, sold.get(key, nothing)) | {
            "gpm": ratio(sold.get(key, nothing)["paid"], seen["impressions"], 1000),
            "click_to_pay_baseline": median(ratio(deals.get(key, nothing)["orders"], views[key]["clicks"], 100) for views, deals in past),
        }
        for key, seen in carriers.items()
    }
    seen, sold = views_by("product_day", "product_id", day), paid_by("product_id", day)
    past = [(views_by("product_day", "product_id", d), paid_by("product_id", d)) for d in same_weekdays]
    stock = rows("select product_id, sum(available) as n from inventory where day = (select max(day) from inventory where day <= ?) group by 1", day)
    stock = {row["product_id"]: row["n"] for row in stock}
    products = {
        key: shared(views, sold.get(key, nothing)) | {
            "available": stock.get(key),
            "click_to_pay_baseline": ratio(
                sum(deals.get(key, nothing)["orders"] for views, deals in past if key in views),
                sum(views[key]["clicks"] for views, deals in past if key in views), 100),
        }
        for key, views in seen.items()
    }
    return {"steps": steps(), "by_carrier": by_carrier, "products": products}


def plans():
    sql = """
        select plan_id, sum(spend) as spend, sum(shows) as shows, sum(clicks) as clicks, sum(paid_orders) as paid_orders,
               sum(paid_amount) as paid_amount,
               bool_or(coalesce(provisional, false) or _exported_at < day + interval 32 hours) as provisional
        from ads where day = ? group by 1
    """
    return {
        row["plan_id"]: row | {
            "cpm": ratio(row["spend"], row["shows"], 1000), "ctr": ratio(row["clicks"], row["shows"], 100),
            "roi": ratio(row["paid_amount"], row["spend"]),
        }
        for row in rows(sql, day)
    }


same = lambda *names: {name: name for name in names}
repeat_now, repeat_before = repurchase(day), repurchase(week_ago)
answer = {
    "sales": {
        "scalars": scalars(sales),
        "series": {
            "daily": history(sales, {"paid": "paid_amount", "net": "net_amount"}),
            "history": history(sales, same("refund_amount", "refund_rate", "orders", "buyers", "units", "aov", "order_value", "unit_price", "units_per_order")
                               | {"refund_clock": "refund_amount_refund_clock"}),
            "by_hour": hours(),
            "decomposition": {key: {"amount": part} for key, part in decomposition().items()}
            | {"last_sat": {"amount": sales_days[week_ago]["paid"]}, "this_day": {"amount": sales_days[day]["paid"]}},
        },
        "tables": sales_tables(),
    },
    "traffic": {
        "scalars": scalars(traffic),
        "series": {"daily": history(traffic, same("click_rate", "click_to_pay")), "history": history(traffic, same("impressions", "clicks", "gpm"))},
        "tables": traffic_tables(),
    },
    "customers": {
        "scalars": scalars(customers) | {name: {"value": repeat_now[name], "weekday": repeat_before[name]} for name in repeat_now},
        "series": {"history": history(customers, same("buyers", "new_buyers", "returning_buyers", "new_share", "returning_amount", "returning_amount_share"))},
        "tables": {},
    },
    "ads": {
        "scalars": {name: {"value": value, "previous": ads(week_ago)[name]} for name, value in ads(day).items()},
        "series": {"daily": history(ads, same("spend", "paid_amount", "roi"))},
        "tables": {"plans": plans()},
    },
}
print(json.dumps(answer, ensure_ascii=False, default=str))
