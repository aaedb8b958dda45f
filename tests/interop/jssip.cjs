// A phone of a web page, as JsSIP is one, in node: it registers over a WebSocket and does what the lines on stdin say.
// Signalling is JsSIP's own; the browser's media is a stub with a plain SDP and a socket that swallows what it gets.
"use strict";
const dgram = require("dgram");
const readline = require("readline");

globalThis.window = globalThis; // JsSIP looks there whether calls can be made
globalThis.WebSocket = require("ws");
globalThis.RTCSessionDescription = class {
  constructor({ type, sdp }) {
    Object.assign(this, { type, sdp });
  }
};
globalThis.RTCPeerConnection = class extends EventTarget {
  signalingState = "stable";
  iceConnectionState = "connected";
  iceGatheringState = "complete";
  connectionState = "connected";
  localDescription = null;
  remoteDescription = null;

  async createOffer() {
    return this.describe("offer");
  }
  async createAnswer() {
    return this.describe("answer");
  }
  async setLocalDescription(description) {
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
  }
  async setRemoteDescription(description) {
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
  }
  getSenders() {
    return [];
  }
  addTrack() {}
  close() {
    this.signalingState = "closed";
  }
  describe(type) {
    const lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
      `m=audio ${sink.address().port} RTP/AVP 0`, "a=rtpmap:0 PCMU/8000", "a=sendrecv"];
    return { type, sdp: lines.join("\r\n") + "\r\n" };
  }
};
const JsSIP = require("jssip");

const [url, user, password] = process.argv.slice(2);
const host = new URL(url).host;
const sink = dgram.createSocket("udp4");
const say = (...words) => console.log(words.join(" "));
const media = { mediaStream: { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [] }, mediaConstraints: { audio: false, video: false } };
let session = null;

const ua = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(url)],
  uri: `sip:${user}@127.0.0.1`,
  password,
  register: true,
});
ua.on("registered", () => say("registered"));
ua.on("registrationFailed", ({ cause }) => say("refused", cause));
ua.on("disconnected", ({ error, reason }) => say("disconnected", error, reason));
ua.on("newRTCSession", (made) => {
  session = made.session;
  if (made.originator === "remote") say("rings", made.request.from.uri.user);
  session.on("confirmed", () => say("confirmed"));
  session.on("ended", ({ originator, cause }) => say("ended", originator, cause));
  session.on("failed", ({ originator, cause }) => say("failed", originator, cause));
});

const verbs = {
  call: (number) => ua.call(`sip:${number}@${host}`, media),
  answer: () => session.answer(media),
  press: (digit) => session.sendDTMF(digit, { transportType: "INFO" }),
  hangup: () => session.terminate(),
  message: (number) => ua.sendMessage(`sip:${number}@${host}`, "hello", {
    eventHandlers: { succeeded: () => say("message taken"), failed: ({ response }) => say("message", response.status_code) },
  }),
};
sink.bind(0, "127.0.0.1", () => {
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [verb, argument] = line.split(" ");
    verbs[verb](argument);
  });
  ua.start();
});
