// Makes the phone feel live: keys type at once, answers come without reloading, messages arrive by
// themselves. Without this file the page is plain forms and does the same.
"use strict";
(() => {
  const form = document.getElementById("phone");
  const typed = document.getElementById("typed");
  const lcd = document.getElementById("lcd");
  const shown = document.getElementById("screen");
  const mail = document.getElementById("mail");
  const count = document.getElementById("count");
  const list = document.getElementById("messages");
  const number = form.elements.number.value;
  let seen = null;
  let busy = false;

  async function press(action) {
    if (busy) return;
    busy = true;
    form.classList.add("busy");
    const body = new URLSearchParams(new FormData(form));
    body.set("action", action);
    try {
      const answer = await fetch("/phone", { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      show(await answer.json());
    } catch {
      show({ session: "", path: "", screen: "Connection problem or invalid MMI code." });
    } finally {
      busy = false;
      form.classList.remove("busy");
    }
  }

  function show(phone) {
    form.elements.session.value = phone.session;
    form.elements.path.value = phone.path;
    form.elements.screen.value = phone.screen;
    shown.textContent = phone.screen;
    typed.value = "";
    lcd.scrollTop = 0;
    lcd.classList.toggle("idle", !phone.screen && !phone.session);
    form.classList.toggle("talking", Boolean(phone.session));
    document.getElementById("send").textContent = phone.session ? "Send" : "Call";
    setTimeout(look, 300);
  }

  // A key that was tapped must not keep the focus, or Enter would tap it again.
  form.addEventListener("click", (event) => {
    const key = event.target.closest(".key");
    if (key && event.detail > 0) key.blur();
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== document.body) return;
    if (/^[0-9*#+]$/.test(event.key)) typed.value += event.key;
    else if (event.key === "Backspace") typed.value = typed.value.slice(0, -1);
    else if (event.key === "Enter") press("send");
    else if (event.key === "Escape") press("end");
    else return;
    event.preventDefault();
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button && button.name === "key") typed.value += button.value;
    else if (button && button.value === "clear") typed.value = typed.value.slice(0, -1);
    else press(button && button.name === "action" ? button.value : "send");
  });

  function bubble(message, isNew) {
    const item = document.createElement("li");
    if (isNew) item.className = "new";
    const text = document.createElement("p");
    const parts = message.link ? message.text.split(message.link) : [message.text];
    text.append(parts[0]);
    if (message.link) {
      const link = document.createElement("a");
      link.href = message.link;
      link.textContent = message.link;
      link.target = "_blank";
      link.rel = "noopener";
      text.append(link, parts.slice(1).join(message.link));
    }
    const time = document.createElement("time");
    time.textContent = message.at.slice(0, 19);
    item.append(text, time);
    return item;
  }

  async function look() {
    if (document.hidden) return;
    let found;
    try {
      const answer = await fetch("/phone/inbox?number=" + encodeURIComponent(number));
      found = (await answer.json()).messages;
    } catch {
      return; // the next look tries again
    }
    if (!found) return;
    const key = (message) => message.at + "|" + message.text;
    const fresh = seen ? found.filter((message) => !seen.has(key(message))) : [];
    if (seen && !fresh.length) return;
    if (found.length) list.replaceChildren(...found.map((each) => bubble(each, fresh.includes(each))));
    seen = new Set(found.map(key));
    mail.classList.toggle("new", fresh.length > 0);
    count.textContent = fresh.length ? fresh.length + " new" : "";
  }

  look();
  setInterval(look, 2000);
})();
