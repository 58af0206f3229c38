// Stands in for the compiled part of aws-lambda-ric: the same four calls, over node:http. Loaded with `--import` before it.
import { Buffer } from "node:buffer";
import http from "node:http";
import Module from "node:module";

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, path, { body, headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}`, headers },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ body: Buffer.concat(chunks).toString(), headers: response.headers }),
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** The compiled client blocks until an answer is on its way; here the next question waits for it. */
let told = Promise.resolve();

const client = {
  initializeClient() {},
  async next() {
    await told;
    const { body, headers } = await call("GET", "next");
    headers["lambda-runtime-deadline-ms"] = Number(headers["lambda-runtime-deadline-ms"]);
    return { bodyJson: body, headers };
  },
  done(id, body) {
    told = call("POST", `${id}/response`, { body, headers: { "content-type": "application/json" } });
  },
  error(id, body, xrayCause) {
    const headers = {
      "content-type": "application/json",
      "lambda-runtime-function-xray-error-cause": xrayCause,
    };
    told = call("POST", `${id}/error`, { body, headers });
  },
};

const load = Module._load;
Module._load = function (request, ...rest) {
  return String(request).endsWith("rapid-client.node") ? client : load.call(this, request, ...rest);
};
