import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { findSecrets, secretsIn } from "../../src/facts/secrets.js";

/** Everything that has the shape of a key is put together here, so that no scanner takes this file for a leak. */
const join = (...parts: string[]) => parts.join("");
const ALNUM = "q7Zr2XwB9tKe4LmV1sNc8HdY3pGf6JaU5oWi0RxTbQyE";
const HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const characters = (text: string) => Array.from(text);
const alnum = (length: number) => ALNUM.repeat(4).slice(0, length);
const hex = (length: number) => HEX.repeat(3).slice(0, length);
const AWS_ID = join("AK", "IA", "Q7ZR2XWB6TKE4LMV");
const AWS_SECRET = join("wJa7rXUtnF", "EMI/K7MDENG/", "bPxRfiCYq7Zr2XwB9t");
const JWT = join("ey", "JhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiI0MiIsInJvbGUiOiJhZG1pbiJ9.", alnum(43));
const PEM_BODY = `${alnum(64)}\n${alnum(64)}\n${alnum(20)}==`;
const pem = (label: string, body = PEM_BODY) => join("-----BEGIN ", label, "-----\n", body, "\n-----END ", label, "-----");
const PRIVATE = join("PRIVATE", " KEY");

const TOKENS: readonly (readonly [string, string])[] = [
  ["aws_access_key_id", AWS_ID],
  ["aws_access_key_id", join("AS", "IA", "Q7ZR2XWB6TKE4LMV")],
  ["github_token", join("gh", "p_", alnum(36))],
  ["github_token", join("gh", "o_", alnum(36))],
  ["github_token", join("gh", "s_", alnum(36))],
  ["github_token", join("github", "_pat_", alnum(22), "_", alnum(40))],
  ["gitlab_token", join("gl", "pat-", alnum(20))],
  ["slack_token", join("xo", "xb-123456789012-123456789012-", alnum(24))],
  ["slack_token", join("xo", "xp-123456789012-123456789012-123456789012-", hex(32))],
  ["slack_token", join("xa", "pp-1-A0123456789-123456789012-", hex(64))],
  ["stripe_key", join("sk_", "live_", alnum(24))],
  ["stripe_key", join("rk_", "live_", alnum(24))],
  ["stripe_key", join("sk_", "test_", alnum(24))],
  ["google_api_key", join("AI", "za", alnum(35))],
  ["google_oauth_secret", join("GO", "CSPX-", alnum(28))],
  ["google_oauth_token", join("ya", "29.", alnum(40))],
  ["openai_key", join("sk", "-", alnum(20), "T3Blbk", "FJ", alnum(20))],
  ["openai_key", join("sk", "-proj-", alnum(40), "_-", alnum(40))],
  ["openai_key", join("sk", "-", "a".repeat(48))],
  ["anthropic_key", join("sk", "-ant-", "api03-", alnum(44), alnum(44), "AA")],
  ["huggingface_token", join("h", "f_", alnum(34))],
  ["npm_token", join("np", "m_", alnum(36))],
  ["pypi_token", join("py", "pi-AgEIcHlwaS5vcmc", alnum(70))],
  ["sendgrid_key", join("S", "G.", alnum(22), ".", alnum(43))],
  ["twilio_key", join("S", "K", hex(32))],
  ["mailgun_key", join(hex(32), "-", hex(8), "-", hex(8))],
  ["digitalocean_token", join("do", "p_v1_", hex(64))],
  ["linear_key", join("lin", "_api_", alnum(40))],
  ["shopify_token", join("shp", "at_", hex(32))],
  ["telegram_token", join("123456789", ":A", "A", alnum(33))],
  ["discord_token", join("M", "TQ3", alnum(21), ".", "GqZr2X", ".", alnum(38))],
  ["hubspot_token", join("pat-", "na1-", "9f86d081-884c-4d65-9a2f-eaa0c55ad015")],
  ["vault_token", join("hv", "s.", alnum(44), alnum(44))],
  ["grafana_token", join("gls", "a_", alnum(32), "_9f86d081")],
  ["databricks_token", join("da", "pi", hex(32))],
  ["age_key", join("AGE-", "SECRET-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE")],
  ["jwt", JWT],
  ["slack_webhook", join("T01234567/B01234567/", alnum(24))],
  ["discord_webhook", join(alnum(44), alnum(24))],
];

/** What stands around a token where its span is only the secret part. */
const AROUND: Readonly<Record<string, readonly [string, string]>> = {
  slack_webhook: [join("https://hooks.", "slack.com/services/"), ""],
  discord_webhook: [join("https://discord.com/api/", "webhooks/123456789012345678/"), "?wait=true"],
};

const wide = (text: string) => text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
const bold = (text: string) =>
  text.replace(/[A-Z]/g, (letter) => String.fromCodePoint(0x1d400 + letter.charCodeAt(0) - 65)).replace(/[a-z]/g, (letter) => String.fromCodePoint(0x1d41a + letter.charCodeAt(0) - 97));

function spanOf(text: string, secret: string) {
  return { start: text.indexOf(secret), end: text.indexOf(secret) + secret.length };
}

describe("known formats", () => {
  test.each(TOKENS)("%s is found in prose, code and configuration, exactly", (kind, token) => {
    const [before, behind] = AROUND[kind] ?? ["", ""];
    for (const [left, right] of [["see ", " please"], ["const x = '", "';\n"], ["A=", "\n"], ["\n", ""], ["(", ")"], ["Ä ", " é"], ["url?t=", "&x=1"]]) {
      const text = `${left}${before}${token}${behind}${right}`;
      expect({ text, found: findSecrets(text) }).toEqual({ text, found: [{ kind, ...spanOf(text, token) }] });
    }
  });

  test("a Mailgun key is only a hash where nothing speaks of Mailgun", () => {
    const key = join("key", "-", hex(32));
    expect(findSecrets(`mailgun: ${key}`)).toHaveLength(1);
    expect(findSecrets(`cache ${key}`)).toEqual([]);
  });

  test("an AWS secret key is found beside its id, in every file that AWS writes", () => {
    for (const text of [
      `[default]\naws_access_key_id = ${AWS_ID}\naws_secret_access_key = ${AWS_SECRET}\n`,
      `${AWS_ID},${AWS_SECRET}`,
      `{"AccessKeyId": "${AWS_ID}", "SecretAccessKey": "${AWS_SECRET}"}`,
      `${AWS_SECRET}\n${AWS_ID}`,
    ]) {
      const found = findSecrets(text);
      expect({ text, kinds: found.map(({ kind }) => kind).toSorted() }).toEqual({ text, kinds: ["aws_access_key_id", "aws_secret_access_key"] });
      expect(found).toContainEqual({ kind: "aws_secret_access_key", ...spanOf(text, AWS_SECRET) });
    }
  });

  test.each(["RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", ""].map((algorithm) => [`${algorithm}${PRIVATE}`]))("a PEM %s is found whole", (label) => {
    const key = pem(label);
    const text = `before\n${key}\nafter`;
    expect(findSecrets(text)).toEqual([{ kind: "private_key", ...spanOf(text, key) }]);
  });

  test("private keys are found on one line, quoted, indented, commented, wrapped and cut off", () => {
    const key = pem(`RSA ${PRIVATE}`);
    for (const text of [
      JSON.stringify({ type: "service_account", private_key: key }),
      JSON.stringify(JSON.stringify({ private_key: key })),
      key.replaceAll("\n", " "),
      key.replaceAll("\n", "\r\n"),
      key.replaceAll("\n", "\n    "),
      key.replaceAll("\n", "\n# "),
      key.split("\n").map((line) => `'${line}\\n' +`).join("\n"),
      key.replace("RSA PRIVATE", "RSA\nPRIVATE"),
      key.slice(0, 200),
      pem(`RSA ${PRIVATE}`, `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\n${PEM_BODY}`),
    ]) {
      expect({ text, kinds: findSecrets(text).map(({ kind }) => kind) }).toEqual({ text, kinds: ["private_key"] });
    }
    expect(findSecrets(pem(`PGP ${PRIVATE} BLOCK`, `Version: GnuPG v2\n\n${PEM_BODY}`))[0]?.kind).toBe("pgp_private_key");
    expect(findSecrets(`PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPrivate-Lines: 1\n${alnum(48)}\n`)).toHaveLength(1);
  });

  test("headings of keys without a key are code and prose", () => {
    for (const text of [
      `if (line === "-----BEGIN ${PRIVATE}-----") start();`,
      `The file starts with -----BEGIN RSA ${PRIVATE}-----.`,
      pem(PRIVATE, "..."),
      pem(PRIVATE, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC..."),
      pem(PRIVATE, "<your key here>"),
      pem("CERTIFICATE"),
      pem("PUBLIC KEY"),
    ]) {
      expect({ text, found: findSecrets(text) }).toEqual({ text, found: [] });
    }
  });
});

describe("names that tell", () => {
  const values = { strong: join("Xk9", "mQ2vL7", "pR4tZ8w"), password: join("hun", "ter2"), hex: hex(40) };
  test.each([
    [`password = "${values.password}"`, values.password],
    [`password: ${values.password}`, values.password],
    [`"password": "${values.password}"`, values.password],
    [`{\\"password\\": \\"${values.password}\\"}`, values.password],
    [`DB_PASS=${values.password}`, values.password],
    [`spring.datasource.password=${values.password}`, values.password],
    [`export PGPASSWORD='${values.password}'`, values.password],
    [`<password>${values.password}</password>`, values.password],
    [`ALTER USER app PASSWORD '${values.password}'`, values.password],
    [`the password is ${values.password}.`, values.password],
    [`Server=db;User Id=app;Password=${values.password};`, values.password],
    [`mysql --password ${values.password}`, values.password],
    [`pwd := \`${values.password}\``, values.password],
    [`const password: string = "${values.password}"`, values.password],
    [`os.environ["ADMIN_PASSWORD"] = "${values.password}"`, values.password],
    [`setenv("DB_PASSWORD", "${values.password}")`, values.password],
    [`password = “${values.password}”`, values.password],
    [`API_KEY=${values.strong}`, values.strong],
    [`apiKey: '${values.strong}',`, values.strong],
    [`const apiKey =\n  "${values.strong}";`, values.strong],
    [`client_secret = ${values.hex}`, values.hex],
    [`X-Api-Key: ${values.strong}`, values.strong],
    [`https://api.example.com/v1?api_key=${values.strong}&page=2`, values.strong],
    [`TWILIO_AUTH_TOKEN=${hex(32)}`, hex(32)],
    [`secret: ${values.strong}`, values.strong],
    [`"token" => "${values.strong}"`, values.strong],
    [`api_key = "${join("abcdef", "1234567890", "abcdef")}"`, join("abcdef", "1234567890", "abcdef")],
    [`AccountKey=${alnum(44)}${alnum(42)}==;EndpointSuffix=core.windows.net`, `${alnum(44)}${alnum(42)}==`],
    [`clientSecretProd: "${values.strong}"`, values.strong],
    [`Authorization: Bearer ${values.strong}${values.strong}`, `${values.strong}${values.strong}`],
    [`-H "authorization: token ${values.hex}"`, values.hex],
    [`Authorization: Basic ${btoa(`admin:${values.password}`)}`, btoa(`admin:${values.password}`)],
  ])("%s", (text, secret) => {
    expect(findSecrets(text).map(({ start, end }) => text.slice(start, end))).toEqual([secret]);
  });

  test.each([
    "password = process.env.DB_PASSWORD",
    'password = os.environ["DB_PASSWORD"]',
    "password: ${DB_PASSWORD}",
    "password: $DB_PASSWORD",
    "DB_PASSWORD=%DB_PASSWORD%",
    "password: {{ vault_password2 }}",
    'api_key = "your-api-key-here"',
    'API_KEY="<your key 1>"',
    "API_KEY=xxxxxxxxxxxxxxxxxxxx",
    'password = "<password>"',
    'password: "********"',
    "password: changeme1",
    "password: string; token: Uint8Array; secret: Base64String",
    "function check(password: string, token: string): boolean",
    "const password = getPassword2(user);",
    "password = config.database.password2",
    "confirmPassword: password2,",
    '"password": "Password must have 8 characters"',
    'label: "Password", placeholder: "Enter your password"',
    '<input type="password" name="password" autocomplete="new-password">',
    "password_hash: $2b$10$abcdefghijklmnopqrstuv",
    "password is required and must be at least 8 characters",
    "the token is expired; the secret is out",
    "max_tokens: 4096, tokenCount = 1234567890123456",
    "tokenizer = BertTokenizerFast2",
    `nextPageToken: "${alnum(32)}"`,
    `public_key = "${alnum(43)}="`,
    `secretName: my-app-tls-2024a`,
    `tokenUrl: "https://auth.example.com/oauth2/token"`,
    "secret: projects/p1/secrets/db/versions/3",
    "password: op://vault1/item/password",
    "secret_arn = arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-Ab12Cd",
    "token: my-service-token-v2-staging",
    "token_expires_at: 2026-11-22T12:00:00Z",
    "PWD=/home/user1/project2",
    "keyboard = monkey123456789012",
    "primary_key: id1234567890abcdefgh",
    "passwordless login2, passthrough1",
    "assert password == 'secret'",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${TOKEN}",
    "uses Bearer authentication-with-rotating-tokens",
    "basic operations, Basic auth",
    "the basic understanding1 of things",
    "cache-key: node-modules-v1",
    "type Token = OAuth2Token; progressToken: ProgressTokenSchema$1",
    "private_key: ed25519.Ed25519PrivateKey,",
    "readonly STENCIL_PASS_DEPTH_FAIL: 0x0B95;",
    "Make sure that you pass `force=true` and pass 'x1y2z3w4'",
    "['ftp_user_password', 'weird_227_format']",
    'machine host login me password "{password1}"',
  ])("leaves alone: %s", (text) => {
    expect(findSecrets(text)).toEqual([]);
  });
});

describe("passwords in addresses", () => {
  test.each([
    ["postgres://app:", join("s3", "cret!"), "@db.prod.internal:5432/app"],
    ["postgresql://app:", "swordfish", "@10.0.0.5/app"],
    ["mongodb+srv://root:", join("p%40ss", "w0rd"), "@cluster0.abcde.mongodb.net/?retryWrites=true"],
    ["redis://:", join("Xk9m", "Q2vL7p"), "@cache:6379/0"],
    ["https://bob:", join("hun", "ter2"), "@git.example.org/x.git"],
    ["amqps://u:", join("a@b", "c1"), "@mq.internal/"],
    ["https://", hex(40), "@git.internal/x.git"],
  ])("%s…", (before, secret, behind) => {
    const text = `DATABASE_URL="${before}${secret}${behind}"`;
    expect(findSecrets(text).map(({ start, end }) => text.slice(start, end))).toEqual([secret]);
  });

  test.each([
    "https://example.com:8080/@user/x:1",
    "git@github.com:owner/repo.git",
    "ssh://git@example.com:22/repo.git",
    "postgres://postgres:postgres@localhost:5432/app",
    "postgres://user:password@host/db",
    "postgres://${USER}:${PASSWORD}@${HOST}/db",
    "postgres://<user>:<password>@host/db",
    "f'postgres://{user}:{password}@{host}/db'",
    "redis://:xxxx@host",
    "https://user@example.com",
    `https://${hex(32)}@o1.ingest.sentry.io/1`,
    "see https://medium.com/@alice: a story by alice@example.com",
  ])("leaves alone: %s", (text) => {
    expect(findSecrets(text)).toEqual([]);
  });
});

describe("look-alikes", () => {
  test.each([
    ["a git sha", hex(40)],
    ["a short sha", "8d4223d"],
    ["a UUID", "9f86d081-884c-4d65-9a2f-eaa0c55ad015"],
    ["a SHA-256 digest", `sha256:${hex(64)}`],
    ["an integrity value", `"integrity": "sha512-${alnum(44)}${alnum(42)}=="`],
    ["a go.sum line", `golang.org/x/text v0.3.0 h1:${alnum(43)}=`],
    ["an image", `<img src="data:image/png;base64,iVBORw0KGgo${alnum(44).repeat(20)}==">`],
    ["a source map", `//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpb${alnum(44)}`],
    ["AWS's documented keys", `${join("AKIA", "IOSFODNN7", "EXAMPLE")} ${join("wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY")}`],
    ["a masked token", `${join("gh", "p_")}${"x".repeat(36)} ${join("sk", "-")}${"*".repeat(30)} ${join("sk", "-ant-")}your-key-here-and-so-on`],
    ["a Stripe publishable key", join("pk_", "live_", alnum(24))],
    ["words with sk-", "task-force sk-internationalization disk-0123456789abcdef0123456789abcdef"],
    ["identifiers", "npm_config_registry npm_package_version hf_hub_download_with_retries_and_resume_support"],
    ["a cron line and a time", "12:34:56 :AAA 1234567:AA"],
    ["Chinese text", "我们今天讨论密码学的基本原理".repeat(20)],
  ])("%s is not a secret", (_name, text) => {
    expect(findSecrets(text)).toEqual([]);
  });
});

describe("hiding", () => {
  const token = join("gh", "p_", alnum(36));
  test.each([
    ["zero-width spaces", characters(token).join("\u200b")],
    ["soft hyphens", characters(token).join("\u00ad")],
    ["byte order marks and joiners", characters(token).join("\ufeff\u200d")],
    ["variation selectors", characters(token).join("\ufe0f")],
    ["direction marks", `\u202e${characters(token).join("\u2066")}`],
    ["combining marks", characters(token).join("\u0332")],
    ["full-width letters", wide(token)],
    ["mathematical letters", bold(token)],
  ])("%s do not hide a token, and the span covers it in the original", (_name, hidden) => {
    const text = `äöü ${hidden} end`;
    const [found] = findSecrets(text);
    expect(found?.kind).toBe("github_token");
    const covered = text.slice(found?.start, found?.end).normalize("NFKC");
    expect(covered.replace(/[^\w]/g, "")).toBe(token);
  });

  test("a token in invisible tag characters is found where they stand", () => {
    const tags = characters(token).map((character) => String.fromCodePoint(0xe0000 + character.charCodeAt(0))).join("");
    const text = `nothing to see${tags} here`;
    expect(findSecrets(text)).toEqual([{ kind: "github_token", start: 14, end: 14 + tags.length }]);
  });

  test("a stand-in before a real token does not cover for it", () => {
    const text = `${join("gh", "p_")}${"x".repeat(36)} ${token}`;
    expect(findSecrets(text)).toEqual([{ kind: "github_token", start: 41, end: 41 + token.length }]);
  });
});

describe("spans", () => {
  test("are in order, do not overlap and lie in the text, whatever the text", () => {
    const piece = fc.oneof(
      fc.constantFrom(...TOKENS.map(([, token]) => token)),
      fc.constantFrom("password=", 'api_key: "', "://", "u:p1@h", "\u200b", "ｐａｓｓｗｏｒｄ＝", pem(PRIVATE), "\n", '"', " ", "𝐠", "\udb40\udc67"),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        let last = 0;
        for (const { start, end } of findSecrets(text)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(text.length);
      }),
      { seed: 149, numRuns: 500 },
    );
  });

  test("what is looked for first, to save the rest of the search, hides nothing", () => {
    // Holds a part of everything that is looked for first, and no secret: behind it nothing is left out.
    const opener = "\n\n. - :// eyJ SG. Q~ -us pat .atlasv1. hooks.slack /webhooks/ basic; bearer; authorization; pass pwd secret token credential key";
    const short = fc.string({ unit: fc.constantFrom(...characters("a1:/@pwd=k eyJ-.\"\uff4b\u200b")), maxLength: 12 });
    const piece = fc.oneof(
      short,
      fc.constantFrom(...TOKENS.map(([, token]) => token), "pwd=", "PassWord: ", "API-Key ", "--token ", "pass x1!", "Secret", "ｋｅｙ", "tоken", "bearer ", "'"),
      fc.constantFrom(...TOKENS).chain(([, token]) => fc.nat(token.length).map((length) => token.slice(0, length))),
    );
    expect(findSecrets(opener)).toEqual([]);
    // Shorter than this is nothing.
    expect(findSecrets(join("a://", ":x1y@"))).toEqual([{ kind: "url_password", start: 5, end: 8 }]);
    fc.assert(
      fc.property(fc.oneof(short, fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(""))), (text) => {
        const all = findSecrets(`${text}${opener}`).filter(({ start }) => start < text.length);
        expect(findSecrets(text)).toEqual(all);
      }),
      { seed: 150, numRuns: 3000 },
    );
  });

  test("cut out, nothing is left to find", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...TOKENS), { minLength: 1, maxLength: 5 }), (tokens) => {
        const text = tokens.map(([kind, token]) => `${(AROUND[kind] ?? [""])[0]}${token}`).join("\n");
        let cut = text;
        for (const { start, end } of findSecrets(text).toReversed()) cut = `${cut.slice(0, start)}[redacted]${cut.slice(end)}`;
        expect(findSecrets(cut)).toEqual([]);
        for (const [, token] of tokens) expect(cut).not.toContain(token);
      }),
      { seed: 149, numRuns: 200 },
    );
  });

  test("become facts that name kind and place and nothing of the secret", () => {
    const token = join("gh", "p_", alnum(36));
    expect(secretsIn([{ where: "text", text: `${token} ${token}` }, { where: "subject", text: "hello" }])).toEqual([{ kind: "github_token", where: "text" }]);
  });
});

describe("time", () => {
  const MEGABYTE = 1_000_000;
  const fill = (piece: string) => piece.repeat(Math.ceil(MEGABYTE / piece.length)).slice(0, MEGABYTE);
  test.each([
    ["prose", fill("The quick brown fox jumps over the lazy dog, and nobody knows why it did so. ")],
    ["code", fill('export const value = compute(input.name, { retries: 3 }); // see "docs"\n')],
    ["one word", fill("a")],
    ["base64", fill(ALNUM)],
    ["non-ASCII prose", fill("Größe über alles, наш дом 漢字 ")],
    ["invisible characters", fill("a\u200b")],
    ["prefixes", fill(join("gh", "p_"))],
    ["long prefixes", fill(join("sk", "-ant-"))],
    ["half tokens", fill(join("xo", "xb-your-"))],
    ["names", fill("password=")],
    ["names with quotes", fill('password="')],
    ["names with types", fill("password: a b c d e f ")],
    ["headings", fill(`BEGIN ${PRIVATE} `)],
    ["headings with keys", fill(`BEGIN ${PRIVATE} ${alnum(30)}!`)],
    ["JWT starts", fill("eyJ")],
    ["JWT halves", fill("eyJabcdefgh.")],
    ["addresses", fill("a://b:c")],
    ["at signs", fill("://a:b@")],
    ["AWS ids", fill(`${AWS_ID} `)],
    ["bearer", fill("bearer ")],
    ["spaces", fill("password ")],
    ["dashes", fill("-")],
  ])("a megabyte of %s is searched in linear time", (_name, text) => {
    const began = performance.now();
    findSecrets(text);
    const whole = performance.now() - began;
    // Generous, because tests share the machine; the quadratic searches that this fears take minutes.
    expect(whole).toBeLessThan(1_500);
  });
});
