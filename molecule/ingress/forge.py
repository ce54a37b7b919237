# Copyright: the varasys.zddc contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""GET a URL with headers as they are given, also twice and in any case: forge.py URL NAME=VALUE ...; prints status and body."""

from __future__ import annotations

import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
connection = HTTPConnection(url.netloc, timeout=10)
headers = [one.split("=", 1) for one in sys.argv[2:]]
connection.putrequest("GET", url.path, skip_host=any(name.lower() == "host" for name, _value in headers))
for name, value in headers:
    connection.putheader(name, value)
connection.endheaders()
answer = connection.getresponse()
print(answer.status, answer.read().decode())
