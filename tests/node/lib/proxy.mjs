// proxy.mjs -- nginx and HAProxy, where they are installed, as processes in front of a server.
//
//     const proxy = await startProxy("nginx", folder, (port) => nginxConf(folder, "..."));
//     ... proxy.url, proxy.port, proxy.child ...
//
// Whatever still runs when the test ends is killed.
//
// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { ok, until } from "./check.mjs";
import { connect } from "./wire.mjs";

const find = (name) => ["/usr/sbin", "/usr/local/sbin", ...(process.env.PATH ?? "").split(path.delimiter)]
  .map((dir) => path.join(dir, name)).find((file) => spawnSync(file, ["-v"]).status === 0);

/** Which of these are here; says of the others that they are not. */
export const installed = (names) =>
  names.filter((name) => find(name) || console.log(`SKIPPED: ${name}'s part, since it is not installed`));

export function freePort() {
  return new Promise((resolve) => {
    const listener = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

const args = {
  nginx: (folder, file) => ["-p", folder, "-c", file, "-e", `${folder}/nginx.log`],
  haproxy: (folder, file) => ["-db", "-f", file],
};

/** An nginx.conf around the blocks of its http part. */
export const nginxConf = (folder, blocks) => `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log;
events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f;
  uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  ${blocks}
}
`;

/** @param confOf  from the port that it is to listen on to its configuration; may take its time. */
export async function startProxy(name, folder, confOf) {
  const port = await freePort();
  const file = path.join(folder, `${name}-${port}.conf`);
  writeFileSync(file, await confOf(port));
  const child = spawn(find(name), args[name](folder, file), { stdio: ["ignore", "ignore", "pipe"] });
  process.on("exit", () => child.kill("SIGKILL"));
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  await until(`${name} to listen: ${said}`, async () => {
    ok(child.exitCode === null, `${name}: ${said}`);
    return connect(port).then((c) => (c.vanish(), true), () => false);
  });
  return { port, url: `http://127.0.0.1:${port}`, child };
}
