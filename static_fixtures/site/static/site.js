// The start page without it is complete; with it, workers are seen taking turns and uploads are compared.

const ask = document.querySelector('#ask');
const answers = document.querySelector('#answers');
const known = [];

/** Asks one request after the other, and shows each worker in a colour of its own. */
async function askTenTimes() {
  ask.disabled = true;
  answers.replaceChildren();
  for (let turn = 0; turn < 10; turn++) {
    const item = document.createElement('li');
    try {
      const response = await fetch('/whoami', { cache: 'no-store' });
      const { pid } = await response.json();
      if (!known.includes(pid)) known.push(pid);
      item.className = `w${known.indexOf(pid) % 3}`;
      item.textContent = pid;
    } catch {
      item.className = 'failed';
      item.textContent = 'no answer';
    }
    answers.append(item);
  }
  ask.disabled = false;
}

/** The file as the request's whole body, so that both sides hash the same bytes. */
async function send(event) {
  event.preventDefault();
  const [file] = document.querySelector('#file').files;
  const sent = document.querySelector('#sent');
  sent.textContent = 'Sending …';
  try {
    const response = await fetch('/upload', { method: 'POST', body: file });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const { bytes, sha256, pid } = await response.json();
    const same = await verdict(file, sha256);
    sent.textContent = `Worker ${pid} got ${bytes.toLocaleString('en')} bytes.${same}\nSHA-256 ${sha256}`;
  } catch (error) {
    sent.textContent = `That did not work: ${error.message}`;
  }
}

async function verdict(file, theirs) {
  if (!globalThis.crypto?.subtle) return ''; // only offered on https and on this machine itself
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  const ours = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return ours === theirs ? ' They are the ones you sent. ✓' : ' They are not the ones you sent!';
}

if (ask) {
  ask.hidden = false;
  ask.addEventListener('click', askTenTimes);
  document.querySelector('#upload').addEventListener('submit', send);
  askTenTimes();
}
