-- Money back by the day it went back, whatever day its order was paid (refund clock).
select cast(refunded_at as date) as refund_day, sum(amount) as amount, count(*) as cases
from refunds
where refunded_at is not null
  and cast(refunded_at as date) >= cast($end_day as date) - interval '63 days' and cast(refunded_at as date) < cast($end_day as date)
group by 1
order by 1
