// Gets role credentials as an application does, with the SDK's default chain, and prints their key id; goes on until the chain
// gives others, and prints their key id, too. With the argument `endpoint` there is no chain, which would keep for itself why an
// endpoint fails. The SDK is looked for where SSOCTL_TEST_NODE says.
const { createRequire } = require("node:module");
const { setTimeout: pause } = require("node:timers/promises");
const load = createRequire(`${process.env.SSOCTL_TEST_NODE}/`);
const { defaultProvider } = load("@aws-sdk/credential-provider-node");
const { fromHttp } = load("@aws-sdk/credential-provider-http");

async function main() {
  // As in a client, the provider keeps what it got until it is about to expire.
  const credentials = process.argv[1] === "endpoint" ? fromHttp() : defaultProvider();
  const first = (await credentials()).accessKeyId;
  console.log(first);
  let next = first;
  while (next === first) {
    await pause(100);
    next = (await credentials()).accessKeyId;
  }
  console.log(next);
}

main().catch((error) => {
  console.error(error, error.Code, error.Message);
  process.exitCode = 1;
});
