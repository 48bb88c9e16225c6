"""Reads a mail with Python's own parser and says as JSON what a mail client would see."""

import email
import email.policy
import json
import sys

message = email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)
parts = []
for part in message.walk():
    if part.is_multipart():
        continue
    content = part.get_content()
    parts.append(
        {
            "type": part.get_content_type(),
            "name": part.get_filename(),
            "cid": part["Content-ID"],
            "text": content if isinstance(content, str) else None,
            "bytes": len(content),
            "head": content[:8].hex() if isinstance(content, bytes) else None,
        }
    )
    if part.get_content_type() == "application/pdf" and len(sys.argv) > 2:
        open(sys.argv[2], "wb").write(content)
defects = [str(defect) for part in message.walk() for defect in part.defects]
print(json.dumps({"subject": message["Subject"], "from": message["From"], "to": message["To"], "reply_to": message["Reply-To"],
                  "message_id": message["Message-ID"], "in_reply_to": message["In-Reply-To"], "references": message["References"], "parts": parts, "defects": defects}, ensure_ascii=False))
