// Gets role credentials as an application does, and prints their key id. The SDK is looked for where SSOCTL_TEST_NODE says.
const { createRequire } = require("node:module");
const { fromSSO } = createRequire(`${process.env.SSOCTL_TEST_NODE}/`)("@aws-sdk/credential-provider-sso");

fromSSO()().then(
  (credentials) => console.log(credentials.accessKeyId),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
