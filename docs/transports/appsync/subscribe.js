import { util } from "@aws-appsync/utils";

export function request(ctx) {
  const claims = ctx.identity?.claims ?? {};
  const isVerified = claims.email_verified === true || claims.email_verified === "true";
  if (!isVerified || !claims.email || ctx.args.userEmail !== claims.email) {
    util.unauthorized();
  }
  return { payload: null };
}

export function response() {
  return null;
}
