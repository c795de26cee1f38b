// line.mjs -- a line to a server that breaks when a test says so, and stays broken until it is mended.
//
//     const line = await openLine(server);
//     await page.goto(line.url);
//     line.cut();                              // all connections are reset, new ones too
//     line.mend();
//     line.close();
//
// SPDX-License-Identifier: MIT
import net from "node:net";

export async function openLine(server) {
  const sockets = new Set();
  let whole = true;
  const end = () => sockets.forEach((s) => s.resetAndDestroy());
  const proxy = net.createServer((near) => {
    near.on("error", () => {});
    if (!whole) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(server.port, "127.0.0.1");
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a);
      a.on("error", () => {}).on("close", () => { sockets.delete(a); b.destroy(); });
      a.pipe(b);
    }
  });
  await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    cut() { whole = false; end(); },
    mend() { whole = true; },
    close() { proxy.close(); end(); },
  };
}
