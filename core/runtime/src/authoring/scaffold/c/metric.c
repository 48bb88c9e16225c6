/* @title@: how much of what was paid comes from large orders. */
#include "chenbao_easy.h"

#include <inttypes.h>

/* The folder travels in the library, so that the two never part. */
CB_FILE(metric, "metric.toml");
CB_FILE(sql, "sql/days.sql");
CB_FILE(zh, "strings.zh-CN.toml");
CB_FILE(en, "strings.en.toml");

/* The sums of the period, and the points of the series as they are written. */
struct sums {
  int64_t large, paid, large_paid;
  char last[11]; /* the day before, so that days come in order */
  cb_out points;
};

static const char *add(struct sums *sums, const cb_batch *batch) {
  const int day = cb_column(batch, "day"), now = cb_column(batch, "now"), orders = cb_column(batch, "orders");
  const int large = cb_column(batch, "large"), paid = cb_column(batch, "paid"), of = cb_column(batch, "large_paid");
  if (day < 0 || now < 0 || orders < 0 || large < 0 || paid < 0 || of < 0) return "the SQL gives other columns than this metric reads";
  for (int64_t row = 0; row < batch->array.length; row++) {
    const cb_str name = cb_read_text(batch, day, row);
    if (name.len != 10 || memcmp(sums->last, name.ptr, 10) >= 0) return "the days are not in ascending order";
    memcpy(sums->last, name.ptr, 10);
    cb_add(&sums->points, "%s[\"%.*s\",%" PRId64 ",%" PRId64 "]", sums->points.len ? "," : "", (int)name.len, name.ptr,
           cb_read_int(batch, orders, row), cb_read_int(batch, large, row));
    if (!cb_read_int(batch, now, row)) continue;
    sums->large += cb_read_int(batch, large, row);
    sums->paid += cb_read_int(batch, paid, row);
    sums->large_paid += cb_read_int(batch, of, row);
  }
  return NULL;
}

static void answer(cb_out *out, const struct sums *sums) {
  cb_add(out, "{\"schema\":\"chenbao.result/1\",\"items\":[{\"type\":\"scalar\",\"id\":\"large_share\",\"unit\":\"%%\",");
  /* Hundredths of a percent, so that no figure goes through a float. */
  const int64_t share = sums->paid > 0 ? (sums->large_paid * 10000 + sums->paid / 2) / sums->paid : 0;
  if (sums->paid > 0)
    cb_add(out, "\"value\":{\"$dec\":\"%" PRId64 ".%02" PRId64 "\"}", share / 100, share % 100);
  else
    cb_add(out, "\"value\":null,\"missing\":{\"why\":\"no_rows\"}");
  cb_add(out, "},{\"type\":\"scalar\",\"id\":\"large_orders\",\"unit\":\"{order}\",\"value\":%" PRId64 ",\"spark\":\"daily.large\"}", sums->large);
  cb_add(out, ",{\"type\":\"series\",\"id\":\"daily\",\"x\":\"time\",\"shape\":\"daily\",\"y\":[{\"id\":\"orders\",\"unit\":\"{order}\"},"
              "{\"id\":\"large\",\"unit\":\"{order}\"}],\"points\":[%s]}", sums->points.text ? sums->points.text : "");
  if (share >= 5000)
    cb_add(out, ",{\"type\":\"finding\",\"id\":\"few_carry\",\"kind\":\"few_carry\",\"severity\":\"notice\",\"evidence\":[\"daily\"],\"args\":{"
                "\"n\":{\"value\":%" PRId64 ",\"unit\":\"{order}\"},\"from\":{\"value\":300,\"unit\":\"money\"},"
                "\"share\":{\"value\":{\"$dec\":\"%" PRId64 ".%02" PRId64 "\"},\"unit\":\"%%\"}}}", sums->large, share / 100, share % 100);
  cb_add(out, "]}");
}

static cb_status compute(const cb_host *host, const cb_compute_args *args, cb_output *out, cb_error *error) {
  struct sums sums = {0};
  cb_out text = {0};
  cb_rows rows;
  const char *wrong = NULL;
  cb_status status;
  if (!cb_is(args->component_id, "@name@")) {
    cb_release_inputs(args);
    return cb_fail(error, CB_NOT_FOUND, "this library has no such metric");
  }
  status = cb_take(args, "days", &rows, error);
  while (status == CB_OK && !wrong && cb_next(&rows, &status, error)) {
    if (host->is_cancelled(host->ctx)) status = cb_fail(error, CB_CANCELLED, "stopped as asked");
    else wrong = add(&sums, &rows.batch);
  }
  cb_done(&rows);
  cb_release_inputs(args);
  if (status == CB_OK && wrong) status = cb_fail(error, CB_DATA, wrong);
  if (status == CB_OK) {
    answer(&text, &sums);
    status = cb_give(&out->result_json, &text, error);
  }
  free(sums.points.text);
  return status;
}

CB_METRIC("@name@", "0.1.0", compute, CB_CARRIES("metric.toml", metric), CB_CARRIES("sql/days.sql", sql),
          CB_CARRIES("strings.zh-CN.toml", zh), CB_CARRIES("strings.en.toml", en))
