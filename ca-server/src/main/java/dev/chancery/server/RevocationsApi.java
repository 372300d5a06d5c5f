package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.AccountId;
import dev.chancery.core.BulkRevocation;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.server.engine.Revoking;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The part of the administrators' API by which certificates are released from a hold and many are
 * revoked at once (docs/revocation.md). It stands behind the same check of the client certificate
 * as {@link AdminApi}.
 */
final class RevocationsApi {
  private static final Set<String> MEMBERS =
      Set.of(
          "issuer",
          "profile",
          "account",
          "key",
          "name",
          "issuedFrom",
          "issuedUntil",
          "reason",
          "invalidityDate",
          "dryRun",
          "certificates");
  private static final int LONGEST_NAME = 253;
  private static final int SHA_256 = 64;
  private static final int MOST_LISTED = 100;
  private static final Instant FIRST_INVALIDITY_DATE = Instant.parse("1950-01-01T00:00:00Z");

  private final AdminApi certificates;
  private final Revoking revoking;
  private final BulkRevoking bulk;
  private final Clock clock;
  private final TimeOrderedIds ids;
  private final ObjectMapper json = new ObjectMapper();

  RevocationsApi(
      AdminApi certificates,
      Revoking revoking,
      BulkRevoking bulk,
      Clock clock,
      TimeOrderedIds ids) {
    this.certificates = certificates;
    this.revoking = revoking;
    this.bulk = bulk;
    this.clock = clock;
    this.ids = ids;
  }

  void routes(JavalinConfig config) {
    config.routes.delete("/admin/v1/certificates/{serial}/revocation", this::release);
    config.routes.post("/admin/v1/bulk-revocations", this::revokeMany);
    config.routes.get("/admin/v1/bulk-revocations", this::list);
    config.routes.get("/admin/v1/bulk-revocations/{id}", this::show);
  }

  private void release(Context context) throws Refused {
    CertificateRecord found = certificates.existing(context);
    revoking.release(found.issuer(), found.serial(), administrator(context));
    answer(context, certificates.described(certificates.existing(context)));
  }

  private void revokeMany(Context context) throws Refused, IOException {
    JsonBody body = JsonBody.of(context, MEMBERS);
    BulkRevocation.Filter filter = filter(body);
    RevocationReason reason = reason(body);
    revoking.requireReason(reason);
    Instant now = clock.instant();
    BulkRevocation.Order order =
        new BulkRevocation.Order(
            filter,
            reason,
            now.truncatedTo(ChronoUnit.SECONDS),
            invalidityDate(body, now),
            administrator(context));
    if (body.flag("dryRun")) {
      answer(
          context,
          json.createObjectNode()
              .put("dryRun", true)
              .put("certificates", bulk.count(filter, reason)));
      return;
    }
    int expected = body.requiredNumber("certificates", 1, Integer.MAX_VALUE);
    BulkRevocation begun =
        bulk.begin(ids.next(), order, expected)
            .orElseThrow(() ->
                new Refused(
                    Reason.NOT_PERMITTED,
                    "this does not mean "
                        + expected
                        + " certificates now; make a dry run again and confirm what it counts"));
    context.status(202);
    answer(context, described(begun));
  }

  private static BulkRevocation.Filter filter(JsonBody body) throws Refused {
    BulkRevocation.Filter filter =
        new BulkRevocation.Filter(
            body.value("issuer", LONGEST_NAME, IssuerId::new),
            body.value("profile", LONGEST_NAME, ProfileId::new),
            body.value("account", LONGEST_NAME, text -> new AccountId(uuid(text))),
            body.value("key", SHA_256, RevocationsApi::digest),
            body.value("name", LONGEST_NAME, RevocationsApi::name),
            body.time("issuedFrom"),
            body.time("issuedUntil"));
    if (filter.isEmpty()) {
      throw JsonBody.bad(
          "one of issuer, profile, account, key, name, issuedFrom and issuedUntil must say which"
              + " certificates");
    }
    return filter;
  }

  private static UUID uuid(String text) {
    // UUID.fromString alone also takes shorter groups.
    if (!text.matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")) {
      throw new IllegalArgumentException("not a UUID");
    }
    return UUID.fromString(text);
  }

  private static Der digest(String text) {
    if (!text.matches("[0-9a-fA-F]{64}")) {
      throw new IllegalArgumentException(
          "the SHA-256 digest of a SubjectPublicKeyInfo in hexadecimal digits");
    }
    return Der.of(HexFormat.of().parseHex(text));
  }

  /** The canonical text of a name as certificates have it. */
  private static String name(String text) {
    if (text.matches("[0-9.]+") || (text.indexOf(':') >= 0 && text.indexOf('/') < 0)) {
      return new IpName(InetAddress.ofLiteral(text)).value();
    }
    if (text.indexOf('@') >= 0 || text.indexOf(':') >= 0) {
      return text;
    }
    return new DnsName(text.toLowerCase(Locale.ROOT)).value();
  }

  /** The reason that a body gives; whether one can revoke for it is the engine's to say. */
  static RevocationReason reason(JsonBody body) throws Refused {
    return RevocationReason.named(body.text("reason", LONGEST_NAME).orElse("unspecified"))
        .orElseThrow(
            () -> new Refused(Reason.BAD_REVOCATION_REASON, "no such reason to revoke for"));
  }

  /** Since when the key is suspected to be compromised (RFC 5280 section 5.3.2). */
  static Optional<Instant> invalidityDate(JsonBody body, Instant now) throws Refused {
    Optional<Instant> date = body.time("invalidityDate");
    if (date.isPresent()
        && (date.get().isBefore(FIRST_INVALIDITY_DATE) || date.get().isAfter(now))) {
      throw JsonBody.bad("invalidityDate is before 1950 or in the future: " + date.get());
    }
    return date;
  }

  private void list(Context context) {
    ArrayNode list = json.createArrayNode();
    bulk.newest(MOST_LISTED).forEach(each -> list.add(described(each)));
    context.contentType("application/json").result(list.toString());
  }

  private void show(Context context) throws Refused {
    String id = context.pathParam("id");
    Optional<BulkRevocation> found;
    try {
      found = bulk.find(uuid(id));
    } catch (IllegalArgumentException e) {
      found = Optional.empty();
    }
    answer(
        context,
        described(
            found.orElseThrow(
                () -> new Refused(Reason.NOT_FOUND, "there is no such bulk revocation"))));
  }

  private static String administrator(Context context) {
    return Objects.requireNonNull(context.<String>attribute("administrator"));
  }

  private static void answer(Context context, ObjectNode answer) {
    context.contentType("application/json").result(answer.toString());
  }

  private ObjectNode described(BulkRevocation revocation) {
    BulkRevocation.Order order = revocation.order();
    BulkRevocation.Filter filter = order.filter();
    ObjectNode answer = json.createObjectNode().put("id", revocation.id().toString());
    filter.issuer().ifPresent(issuer -> answer.put("issuer", issuer.value()));
    filter.profile().ifPresent(profile -> answer.put("profile", profile.value()));
    filter.account().ifPresent(account -> answer.put("account", account.toString()));
    filter.key().ifPresent(key -> answer.put("key", HexFormat.of().formatHex(key.bytes())));
    filter.name().ifPresent(name -> answer.put("name", name));
    filter.recordedFrom().ifPresent(from -> answer.put("issuedFrom", from.toString()));
    filter.recordedUntil().ifPresent(until -> answer.put("issuedUntil", until.toString()));
    answer
        .put("reason", order.reason().toString())
        .put("at", order.at().toString())
        .put("by", order.by())
        .put("madeAt", revocation.madeAt().toString())
        .put("certificates", revocation.counted())
        .put("revoked", revocation.revoked())
        .put("state", revocation.endedAt().isPresent() ? "done" : "running");
    order.invalidityDate().ifPresent(date -> answer.put("invalidityDate", date.toString()));
    revocation.endedAt().ifPresent(at -> answer.put("endedAt", at.toString()));
    return answer;
  }
}
