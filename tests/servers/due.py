"""Due times by croniter, which shares no code with us: asks come as JSON on stdin, moments go out as seconds since 1970."""

import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter

answers = []
for ask in json.load(sys.stdin):
    moments = croniter(ask["cron"], datetime.fromtimestamp(ask["from"], ZoneInfo(ask["zone"])))
    due = []
    while (at := int(moments.get_next(datetime).timestamp())) <= ask["to"]:
        due.append(at)
    answers.append(due)
json.dump(answers, sys.stdout)
