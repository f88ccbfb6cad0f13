// The field in which messages are written.

const MAX_HEIGHT = 240; // pixels

export class Composer {
  // actions: send(text), stop(), editLast().
  constructor(form, actions) {
    this.area = form.querySelector("textarea");
    this.sendButton = form.querySelector("#send");
    this.stopButton = form.querySelector("#stop");
    this.actions = actions;
    this.isAnswering = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.stopButton.addEventListener("click", actions.stop);
    this.area.addEventListener("input", () => this.fit());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.fit();
  }

  key(event) {
    // Enter that chooses a word of an input method (of Chinese, say) sends nothing.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && this.area.value === "" && !this.isAnswering) {
      event.preventDefault();
      this.actions.editLast();
    }
  }

  send() {
    const text = this.area.value;
    if (this.isAnswering || !text.trim()) return;
    this.write("");
    this.actions.send(text);
  }

  write(text) {
    this.area.value = text;
    this.fit();
  }

  focus() {
    this.area.focus();
  }

  setAnswering(isAnswering) {
    this.isAnswering = isAnswering;
    this.sendButton.hidden = isAnswering;
    this.stopButton.hidden = !isAnswering;
    this.fit();
  }

  fit() {
    this.sendButton.disabled = !this.area.value.trim();
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight, MAX_HEIGHT)}px`;
  }
}
