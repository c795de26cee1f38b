// h2.mjs -- HTTP/2 by Node's client.
//
//     const session = await openSession(server.url, { ca });
//     const answer = await ask(session, { ":path": "/counter" });       // {status, headers, body}
//     await closeSession(session);
//
// SPDX-License-Identifier: MIT
import http2 from "node:http2";

/** @param options  of http2.connect(). The session has `gone`, a promise of its end, and `goaways`, the codes it was told. */
export function openSession(url, options = {}) {
  return new Promise((resolve, reject) => {
    const session = http2.connect(url, options);
    session.goaways = [];
    session.on("goaway", (code) => session.goaways.push(code));
    session.gone = new Promise((done) => session.once("close", done));
    session.once("error", reject);
    session.once("remoteSettings", () => {
      session.off("error", reject);
      session.on("error", (error) => (session.failure = error));
      resolve(session);
    });
  });
}

/** The answer of a stream. A reset is an Error with `rst`, its code. */
export function answerOf(stream) {
  return new Promise((resolve, reject) => {
    const answer = { body: "", continued: false };
    stream.setEncoding("utf8");
    stream.on("continue", () => (answer.continued = true));
    stream.on("response", (headers) => {
      const { ":status": status, ...fields } = headers;
      Object.assign(answer, { status, headers: Object.fromEntries(Object.entries(fields)) }); // without Node's symbols
    });
    stream.on("data", (text) => (answer.body += text));
    stream.on("error", (error) => (answer.error = error));
    stream.on("close", () => {
      const whole = answer.status !== undefined && stream.readableEnded;
      if (whole && (stream.rstCode === 0 || stream.rstCode === undefined)) {
        resolve(answer);
      } else {
        reject(Object.assign(answer.error ?? new Error(`stream ended with ${stream.rstCode}`), { rst: stream.rstCode }));
      }
    });
  });
}

/** One request. @param body  text, or an array of texts that become DATA frames of their own. */
export function ask(session, headers, body, options = {}) {
  const stream = session.request({ ":path": "/", ...headers }, { endStream: body === undefined, ...options });
  const answer = answerOf(stream);
  if (body !== undefined) {
    const pieces = Array.isArray(body) ? body : [body];
    const next = (n) => (n < pieces.length ? stream.write(pieces[n], () => next(n + 1)) : stream.end());
    next(0);
  }
  return answer;
}

/** Everything that was sent before it has been read by the server. */
export function ping(session, payload = Buffer.from("8 bytes!")) {
  return new Promise((resolve, reject) => {
    session.ping(payload, (error, _, echo) => (error ? reject(error) : resolve(echo)));
  });
}

export function closeSession(session) {
  session.close();
  return session.gone;
}
