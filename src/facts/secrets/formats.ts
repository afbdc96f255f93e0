import { ALNUM, ANY_HEX, BASE64, DASH, DOT, EQUALS, HEX, UPPER_ALNUM, URL_SAFE, WORD } from "./characters.js";

/** A token that tells by its first characters what it is. */
export interface Format {
  readonly kind: string;
  readonly prefix: string;
  /** The characters behind the prefix, and how many of them there must be. */
  readonly chars: number;
  readonly min: number;
  /** More than this is something else: a hash, a blob. */
  readonly max?: number;
  /** The prefix is so telling that it counts even in the middle of a word. */
  readonly anywhere?: true;
  /** Only where this word stands in the text too (lower case). */
  readonly beside?: string;
  /** Needs a digit, or the length of a key that never was a word. */
  readonly notAWord?: true;
  /** How many digits stand before the prefix and belong to the token. */
  readonly idDigits?: number;
}

/**
 * Documented token formats. Sources: the services' own manuals and the partner list of GitHub's secret scanning.
 * Lengths are minimums, because services lengthen their tokens without notice.
 */
export const FORMATS: readonly Format[] = [
  ...each("aws_access_key_id", ["AKIA", "ASIA", "ABIA", "ACCA"], UPPER_ALNUM, 16, { max: 16 }),
  ...each("github_token", ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], ALNUM, 30, { anywhere: true }),
  { kind: "github_token", prefix: "github_pat_", chars: WORD, min: 30, anywhere: true },
  ...each("gitlab_token", ["glpat-", "gldt-", "glrt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glcbt-"], URL_SAFE | DOT, 20, {
    anywhere: true,
  }),
  ...each("slack_token", ["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.xox", "xapp-"], URL_SAFE | DOT, 20, {
    anywhere: true,
  }),
  ...each("stripe_key", ["sk_live_", "rk_live_", "sk_test_", "rk_test_", "sk_org_live_", "sk_org_test_", "whsec_"], ALNUM, 16, { anywhere: true }),
  { kind: "google_api_key", prefix: "AIza", chars: URL_SAFE, min: 35 },
  { kind: "google_oauth_secret", prefix: "GOCSPX-", chars: URL_SAFE, min: 24, anywhere: true },
  { kind: "google_oauth_token", prefix: "ya29.", chars: URL_SAFE | DOT, min: 20 },
  { kind: "google_oauth_token", prefix: "1//0", chars: URL_SAFE, min: 40 },
  ...each("openai_key", ["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"], URL_SAFE, 20, {}),
  { kind: "anthropic_key", prefix: "sk-ant-", chars: URL_SAFE, min: 20, anywhere: true },
  { kind: "openrouter_key", prefix: "sk-or-", chars: ALNUM | DASH, min: 32 },
  // Also DeepSeek and others that took over OpenAI's first form.
  { kind: "openai_key", prefix: "sk-", chars: ALNUM, min: 20, notAWord: true },
  { kind: "huggingface_token", prefix: "hf_", chars: ALNUM, min: 30 },
  { kind: "huggingface_token", prefix: "api_org_", chars: ALNUM, min: 30 },
  { kind: "groq_key", prefix: "gsk_", chars: ALNUM, min: 40 },
  { kind: "xai_key", prefix: "xai-", chars: ALNUM, min: 60 },
  { kind: "perplexity_key", prefix: "pplx-", chars: ALNUM, min: 40 },
  { kind: "replicate_token", prefix: "r8_", chars: ALNUM, min: 36 },
  { kind: "npm_token", prefix: "npm_", chars: ALNUM, min: 36 },
  { kind: "pypi_token", prefix: "pypi-", chars: URL_SAFE, min: 50 },
  { kind: "rubygems_key", prefix: "rubygems_", chars: HEX, min: 48 },
  { kind: "docker_token", prefix: "dckr_pat_", chars: URL_SAFE, min: 24, anywhere: true },
  { kind: "docker_token", prefix: "dckr_oat_", chars: URL_SAFE, min: 24, anywhere: true },
  { kind: "twilio_key", prefix: "SK", chars: HEX, min: 32, max: 32 },
  { kind: "mailgun_key", prefix: "key-", chars: HEX, min: 32, max: 32, beside: "mailgun" },
  ...each("digitalocean_token", ["dop_v1_", "doo_v1_", "dor_v1_"], HEX, 64, { anywhere: true }),
  ...each("linear_key", ["lin_api_", "lin_oauth_", "lin_wh_"], ALNUM, 32, { anywhere: true }),
  ...each("shopify_token", ["shpat_", "shpca_", "shppa_", "shpss_", "shpua_"], ANY_HEX, 32, { anywhere: true }),
  ...each("hubspot_token", ["pat-na1-", "pat-na2-", "pat-na3-", "pat-eu1-", "pat-ap1-"], ANY_HEX | DASH, 36, { anywhere: true }),
  { kind: "databricks_token", prefix: "dapi", chars: HEX, min: 32, max: 32 },
  { kind: "notion_token", prefix: "secret_", chars: ALNUM, min: 43, max: 43 },
  { kind: "notion_token", prefix: "ntn_", chars: ALNUM, min: 40 },
  { kind: "postman_key", prefix: "PMAK-", chars: HEX | DASH, min: 59, anywhere: true },
  ...each("doppler_token", ["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."], URL_SAFE | DOT, 40, {}),
  ...each("vault_token", ["hvs.", "hvb.", "hvr."], URL_SAFE, 24, {}),
  ...each("grafana_token", ["glc_", "glsa_"], BASE64 | WORD, 32, {}),
  { kind: "newrelic_key", prefix: "NRAK-", chars: UPPER_ALNUM, min: 27, anywhere: true },
  { kind: "newrelic_key", prefix: "NRRA-", chars: HEX, min: 42, anywhere: true },
  ...each("sentry_token", ["sntrys_", "sntryu_"], BASE64 | WORD, 40, { anywhere: true }),
  ...each("square_token", ["sq0atp-", "sq0csp-"], URL_SAFE, 22, { anywhere: true }),
  { kind: "atlassian_token", prefix: "ATATT3", chars: URL_SAFE | EQUALS, min: 60 },
  { kind: "atlassian_token", prefix: "ATCTT3", chars: URL_SAFE | EQUALS, min: 60 },
  { kind: "bitbucket_token", prefix: "ATBB", chars: ALNUM, min: 28 },
  { kind: "dropbox_token", prefix: "sl.", chars: URL_SAFE, min: 100 },
  { kind: "figma_token", prefix: "figd_", chars: URL_SAFE, min: 36, anywhere: true },
  { kind: "tailscale_key", prefix: "tskey-", chars: ALNUM | DASH, min: 20, anywhere: true },
  ...each("planetscale_token", ["pscale_tkn_", "pscale_pw_", "pscale_oauth_"], URL_SAFE | DOT, 32, { anywhere: true }),
  { kind: "supabase_key", prefix: "sbp_", chars: HEX, min: 40 },
  { kind: "supabase_key", prefix: "sb_secret_", chars: URL_SAFE, min: 20, anywhere: true },
  { kind: "netlify_token", prefix: "nfp_", chars: ALNUM, min: 36 },
  { kind: "pulumi_token", prefix: "pul-", chars: HEX, min: 40 },
  { kind: "fly_token", prefix: "fo1_", chars: URL_SAFE, min: 40 },
  { kind: "fly_token", prefix: "fm2_", chars: BASE64, min: 100 },
  { kind: "brevo_key", prefix: "xkeysib-", chars: HEX | DASH, min: 70, anywhere: true },
  { kind: "contentful_token", prefix: "CFPAT-", chars: URL_SAFE, min: 40, anywhere: true },
  { kind: "onepassword_token", prefix: "ops_eyJ", chars: BASE64, min: 100, anywhere: true },
  { kind: "age_key", prefix: "AGE-SECRET-KEY-1", chars: UPPER_ALNUM, min: 50, anywhere: true },
  { kind: "alibaba_key", prefix: "LTAI", chars: ALNUM, min: 16, max: 24 },
  { kind: "clojars_token", prefix: "CLOJARS_", chars: HEX, min: 60, anywhere: true },
  { kind: "azure_devops_token", prefix: "azdo_", chars: ALNUM, min: 40 },
  { kind: "crates_token", prefix: "cio", chars: ALNUM, min: 32, max: 32 },
  { kind: "heroku_key", prefix: "HRKU-", chars: URL_SAFE, min: 36, anywhere: true },
  { kind: "telegram_token", prefix: ":AA", chars: URL_SAFE, min: 32, max: 36, anywhere: true, idDigits: 8 },
];

function each(
  kind: string,
  prefixes: readonly string[],
  chars: number,
  min: number,
  more: { readonly max?: number; readonly anywhere?: true },
): Format[] {
  return prefixes.map((prefix) => ({ kind, prefix, chars, min, ...more }));
}
