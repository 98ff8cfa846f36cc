#!/usr/bin/env python3
"""A complete agentd in standard-library Python, written from proto/PROTOCOL.md (settings: its section 8).
It answers what the tenant's record says of prices and hours, and says so when it does not know."""
import contextlib, http.server, json, os, queue, re, signal, socket, struct, threading, time, unicodedata, uuid
from urllib.parse import urlsplit

NAME, BOOT, PLACES = os.environ.get('AGENT_NAME') or socket.gethostname(), str(uuid.uuid4()), 16
THINK_S = float(os.environ.get('THINK_MS') or 0) / 1000
HELLO = {'role': 'agentd', 'name': NAME, 'boot': BOOT, 'oldestVersion': 1, 'newestVersion': 1}
REQ, REP, PUB, SUB = 0x30, 0x31, 0x20, 0x21
BROKEN = (OSError, ValueError, struct.error)
ASK_AGAIN = (None, 'unavailable', 'unconfirmed', 'internal', 'rate_limited', 'store_full')

spawn = lambda fn, *args: threading.Thread(target=fn, args=args, daemon=True).start()

def connect(url, mine, theirs):
    where = urlsplit(url)
    sock = socket.create_connection((where.hostname, where.port), 3)
    sock.sendall(struct.pack('>4sHH', b'\0SP\0', mine, 0))
    file = sock.makefile('rb')
    if file.read(8) != struct.pack('>4sHH', b'\0SP\0', theirs, 0):
        raise ConnectionError('not the peer we want')
    return sock, file

def receive(file):
    size, = struct.unpack('>Q', file.read(8))
    if size > 1024 * 1024:
        raise ConnectionError('too long')
    return file.read(size)

class Requests:
    """One REQ connection, dialled for ever; call() from any thread."""
    def __init__(self, url):
        self.sock, self.waiting, self.last = None, {}, 0
        self.lock, self.greeted = threading.Lock(), threading.Event()
        spawn(self.run, url)
    def run(self, url):
        while True:
            with contextlib.suppress(*BROKEN):
                sock, file = connect(url, REQ, REP)
                with sock, file:
                    self.sock = sock
                    sock.settimeout(None)
                    spawn(self.greet, sock)
                    while True:
                        data = receive(file)
                        box = self.waiting.get(struct.unpack('>I', data[:4])[0])
                        if box:
                            box.put(json.loads(data[4:]))
            self.sock = None
            self.greeted.clear()
            for box in list(self.waiting.values()):
                box.put({})  # whether it was done is not known
            time.sleep(0.2)
    def greet(self, sock):
        while self.ask('hello', HELLO, 10)[0] != 'ok':
            if self.sock is not sock:
                return
            time.sleep(1)
        self.greeted.set()
    def call(self, op, body, timeout):
        """(status, body); (None, {}) if it is not known what became of it."""
        return self.ask(op, body, timeout) if self.greeted.wait(timeout) else (None, {})
    def ask(self, op, body, timeout):
        data = json.dumps({'v': 1, 'op': op, 'ttlMs': int(timeout * 1000), 'body': body}).encode()
        box, reply = queue.Queue(), {}
        with contextlib.suppress(OSError, AttributeError, queue.Empty):
            with self.lock:
                self.last = number = (self.last + 1) % 0x80000000 | 0x80000000
                self.waiting[number] = box
                self.sock.sendall(struct.pack('>QI', len(data) + 4, number) + data)
            reply = box.get(timeout=timeout)
        self.waiting.pop(number, None)
        return reply.get('status'), reply.get('body') or {}
    def drop(self):
        with contextlib.suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)

class Agent:
    def __init__(self, requests_url, events_url):
        self.turns, self.claims, self.ending, self.hearing = {}, 0, False, False
        self.wake, self.requests = threading.Event(), Requests(requests_url)
        spawn(self.listen, events_url)
        spawn(self.claim)
    def listen(self, url):
        while True:
            try:
                sock, file = connect(url, SUB, PUB)  # it waits 3 s, and a beat comes every second
                with sock, file:
                    self.hearing = True
                    while True:
                        self.heard(json.loads(receive(file)))
            except BROKEN as error:
                if isinstance(error, TimeoutError):
                    self.requests.drop()
            self.hearing = False
            time.sleep(0.2)
    def heard(self, event):
        body = event.get('body') or {}
        if event.get('event') == 'turn_ready':
            self.wake.set()
        elif event.get('event') == 'turn_cancelled':
            if self.turns.get(body.get('lease'), (None,))[0] == body.get('turnId'):  # and not of an old lease
                self.end(body['lease'])
    def end(self, lease):
        self.turns.pop(lease, (0, threading.Event()))[1].set()
        self.wake.set()
    def claim(self):
        while not self.ending:
            self.wake.wait(1)
            self.wake.clear()
            self.claims += 1
            holds = list(self.turns)
            status, body = self.requests.call('claim', {'agent': NAME, 'boot': BOOT, 'claimNo': str(self.claims),
                                                        'places': max(0, PLACES - len(holds)), 'holds': holds}, 10)
            if status is None:
                self.requests.drop()
            grants = body.get('turns') if body.get('claimNo') == str(self.claims) else None
            for grant in grants if isinstance(grants, list) else []:
                with contextlib.suppress(KeyError, IndexError, TypeError):  # what is no grant goes back by itself
                    lease, turn_id, text = grant['lease'], grant['turnId'], grant['messages'][-1]['content']
                    if all(isinstance(x, str) for x in (lease, turn_id, text)):
                        self.turns[lease] = turn_id, threading.Event()
                        spawn(self.work, grant, self.turns[lease][1])
    def work(self, grant, stop):
        def say(op, **more):
            about = {'turnId': grant['turnId'], 'lease': grant['lease']}
            status, _ = self.requests.call(op, {**about, **more}, 2)
            if status in ('stale_lease', 'not_found'):
                stop.set()
            return status
        say('progress', state='started')
        until = time.monotonic() + THINK_S
        while not stop.wait(max(0, min(1.5, until - time.monotonic()))) and time.monotonic() < until:
            say('progress', state='working')
        try:
            content = answer(grant)
        except Exception as error:  # whatever a record may hold
            say('fail', reason=f'the record could not be read: {type(error).__name__}')
            return self.end(grant['lease'])
        if not stop.is_set():
            say('progress', state='writing', offset=0, text=content)
        while not stop.is_set() and say('finish', content=content) in ASK_AGAIN:
            stop.wait(0.5)
        self.end(grant['lease'])

DAYS = dict(mon=('Luni', 'Monday'), tue=('Marți', 'Tuesday'), wed=('Miercuri', 'Wednesday'), thu=('Joi', 'Thursday'),
            fri=('Vineri', 'Friday'), sat=('Sâmbătă', 'Saturday'), sun=('Duminică', 'Sunday'))
EN, RO, HOURS = (set(words.split()) for words in (
    'what how much the is are do you when open hours hello where', 'ce cat costa aveti buna unde cand este',
    'program programul orar orarul deschis open hours closed'))

fold = lambda text: ''.join(c for c in unicodedata.normalize('NFD', text.lower()) if not unicodedata.combining(c))
pick = lambda text, lang: text if isinstance(text, str) else text.get(lang) or next(iter(text.values()))

def answer(grant):
    record, asked = grant['tenant'], fold(' '.join(m['content'] for m in grant['messages']))
    words, lines = set(re.findall(r'\w+', asked)), []
    lang = 'ro' if words & RO else 'en' if words & EN else record.get('languages', ['en'])[0]
    found = [(len(name), n) for n, service in enumerate(record.get('services', []))
             for name in service.get('aliases', []) + [pick(service['name'], 'ro'), pick(service['name'], 'en')]
             if re.search(rf'\b{re.escape(fold(name))}\b', asked)]
    if found:
        service = record['services'][max(found)[1]]
        price = service.get('price', {})
        amount = '–'.join(str(price[k]) for k in ('amount', 'from', 'to') if k in price)
        lines.append(f"{pick(service['name'], lang)}: {amount or '?'} {price.get('currency', '')}")
    english = lang == 'en'
    named = [day for day, names in DAYS.items() if words & {fold(name) for name in names}]
    if record.get('hours') and (named or words & HOURS):
        lines.append('Usual hours' if english else 'Program obișnuit')
        for day in named or DAYS:
            spans = ', '.join('–'.join(span) for span in record['hours'].get(day, []))
            lines.append(f"{DAYS[day][english]}: {spans or ('closed' if english else 'închis')}")
    if not lines:
        lines.append('I do not know the answer to this.' if english else 'Nu știu răspunsul la această întrebare.')
        lines += record.get('contact', {}).values()
    return '\n'.join(lines)

def main():
    agent, ended = Agent(os.environ.get('SESSIOND_URL') or 'tcp://127.0.0.1:7001',
                         os.environ.get('SESSIOND_EVENTS_URL') or 'tcp://127.0.0.1:7002'), threading.Event()
    class Admin(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            ready = agent.hearing and agent.requests.greeted.is_set()
            self.send_response(200 if ready or self.path != '/readyz' else 503)
            self.end_headers()
            self.wfile.write(f'taifas_turns_held {len(agent.turns)}\n'.encode())
    if (listen := os.environ.get('ADMIN_LISTEN', 'off')) != 'off':
        spawn(http.server.HTTPServer((listen.split(':')[0], int(listen.split(':')[1])), Admin).serve_forever)
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    agent.ending, limit = True, time.monotonic() + 5
    while agent.turns and time.monotonic() < limit:
        time.sleep(0.05)
    os._exit(0)

main()
