package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.ForbiddenResponse;
import io.javalin.http.Header;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * The administrators' API (described by /admin/v1/openapi.json). Whoever shows a client certificate
 * that this CA issued under the profile admin-client, and that is not revoked, may do all of it.
 */
final class AdminApi {
  static final ProfileId PROFILE = new ProfileId("admin-client");
  private static final Pattern RFC_3339 =
      Pattern.compile(
          "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?"
              + "([Zz]|[+-][0-9]{2}:[0-9]{2})");
  private static final int LONGEST_CERTIFICATE = 12 * 1024;
  private static final Set<String> REVOCATION = Set.of("reason", "invalidityDate", "certificate");
  private static final String PROBLEM = "application/problem+json";

  private final CertificateAuthority authority;
  private final List<IssuerId> ledger;
  private final Predicate<IssuerId> publishesCrl;
  private final Clock clock;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * @param ledger every issuer that the ledger knows
   * @param publishesCrl whether this server makes the CRLs of an issuer
   */
  AdminApi(
      CertificateAuthority authority,
      List<IssuerId> ledger,
      Predicate<IssuerId> publishesCrl,
      Clock clock) {
    this.authority = authority;
    this.ledger = ledger;
    this.publishesCrl = publishesCrl;
    this.clock = clock;
  }

  void routes(JavalinConfig config) {
    config.routes.beforeMatched(this::requireAdministrator);
    config.routes.get("/admin/v1/openapi.json", this::openApi);
    config.routes.get("/admin/v1/certificates/{serial}", this::showCertificate);
    config.routes.post("/admin/v1/certificates/{serial}/revocation", this::revoke);
    config.routes.exception(Refused.class, this::refused);
    config.routes.exception(
        TooEarly.class,
        (early, context) ->
            problem(context, HttpStatus.CONFLICT.getCode(), String.valueOf(early.getMessage())));
    ErrorAnswers.PROBLEM.routes(config);
  }

  private void requireAdministrator(Context context) throws CertificateEncodingException {
    Object shown = context.req().getAttribute("jakarta.servlet.request.X509Certificate");
    if (!(shown instanceof X509Certificate[] chain) || chain.length == 0) {
      throw new ForbiddenResponse("a client certificate is needed");
    }
    byte[] encoded = chain[0].getEncoded();
    boolean administrator =
        find(SerialNumber.of(chain[0].getSerialNumber()))
            .filter(found -> found.state() == CertificateRecord.State.ISSUED)
            .filter(found -> found.profile().equals(PROFILE))
            .flatMap(CertificateRecord::certificate)
            .filter(certificate -> Arrays.equals(certificate.bytes(), encoded))
            .isPresent();
    if (!administrator) {
      throw new ForbiddenResponse("this certificate is not an administrator's");
    }
    context.attribute("administrator", chain[0].getSubjectX500Principal().getName());
  }

  Optional<CertificateRecord> find(SerialNumber serial) {
    return ledger.stream().flatMap(issuer -> authority.find(issuer, serial).stream()).findFirst();
  }

  private void showCertificate(Context context) throws Refused {
    context.contentType("application/json").result(described(existing(context)).toString());
  }

  private void revoke(Context context) throws Refused, IOException {
    CertificateRecord found = existing(context);
    JsonBody body = JsonBody.of(context, REVOCATION);
    requireSame(found, body);
    RevocationReason reason = RevocationsApi.reason(body);
    authority.revoke(
        new Revocation(
            found.issuer(),
            found.serial(),
            reason,
            clock.instant().truncatedTo(ChronoUnit.SECONDS),
            RevocationsApi.invalidityDate(body, clock.instant()),
            Objects.requireNonNull(context.<String>attribute("administrator"))));
    ObjectNode answer = described(existing(context));
    if (!publishesCrl.test(found.issuer())) {
      answer.put(
          "notice",
          "the revocation is recorded, but no CRL shows it yet: run chancery init with the token of"
              + " "
              + found.issuer()
              + " to publish its CRL");
    }
    context.contentType("application/json").result(answer.toString());
  }

  /** The instant that an RFC 3339 time names. */
  static Optional<Instant> time(String text) {
    try {
      // Instant.parse alone also takes years of more digits and before year 0.
      if (RFC_3339.matcher(text).matches()) {
        return Optional.of(Instant.parse(text));
      }
    } catch (DateTimeParseException e) {
      // As any other text that is no time: a month 13, for example.
    }
    return Optional.empty();
  }

  /** Whoever shows the certificate means that one, and not another with its serial number. */
  private static void requireSame(CertificateRecord found, JsonBody body) throws Refused {
    Optional<Der> shown =
        body.value(
            "certificate", LONGEST_CERTIFICATE, text -> Der.of(Base64.getDecoder().decode(text)));
    if (shown.isPresent() && !shown.equals(found.certificate())) {
      throw new Refused(Reason.NOT_FOUND, "this certificate was not issued here");
    }
  }

  CertificateRecord existing(Context context) throws Refused {
    return find(SerialNumber.parse(context.pathParam("serial")))
        .orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such certificate"));
  }

  /** What the ledger keeps of a certificate. */
  ObjectNode described(CertificateRecord found) {
    ObjectNode answer =
        json.createObjectNode()
            .put("issuer", found.issuer().value())
            .put("serial", found.serial().toString())
            .put("profile", found.profile().value())
            .put("state", found.state().name().toLowerCase(Locale.ROOT))
            .put("recordedAt", found.recordedAt().toString())
            .put("notBefore", found.notBefore().toString())
            .put("notAfter", found.notAfter().toString());
    found.account().ifPresent(account -> answer.put("account", account.toString()));
    found
        .certificate()
        .ifPresent(certificate ->
            answer.put("certificate", Base64.getEncoder().encodeToString(certificate.bytes())));
    found
        .revocation()
        .ifPresent(revocation -> {
          ObjectNode section = answer.putObject("revocation");
          section
              .put("at", revocation.at().toString())
              .put("reason", revocation.reason().toString())
              .put("by", revocation.by());
          revocation
              .invalidityDate()
              .ifPresent(date -> section.put("invalidityDate", date.toString()));
        });
    return answer;
  }

  private void refused(Refused refused, Context context) {
    HttpStatus status =
        switch (refused.reason()) {
          case NOT_FOUND -> HttpStatus.NOT_FOUND;
          case ALREADY_REVOKED -> HttpStatus.CONFLICT;
          case NOT_PERMITTED -> HttpStatus.FORBIDDEN;
          case BAD_CSR,
              BAD_PUBLIC_KEY,
              REJECTED_NAME,
              NOT_OF_PROFILE,
              UNSUPPORTED_NAME,
              BAD_VALIDITY,
              BAD_REVOCATION_REASON ->
              HttpStatus.BAD_REQUEST;
        };
    problem(context, status.getCode(), String.valueOf(refused.getMessage()));
  }

  /** RFC 9457. */
  private void problem(Context context, int status, String detail) {
    String body = json.createObjectNode().put("status", status).put("detail", detail).toString();
    context.status(status).contentType(PROBLEM).result(body);
  }

  private void openApi(Context context) throws IOException {
    try (InputStream document = AdminApi.class.getResourceAsStream("admin-openapi.json")) {
      String text =
          new String(Objects.requireNonNull(document).readAllBytes(), StandardCharsets.UTF_8);
      context.header(Header.CACHE_CONTROL, "no-cache").contentType("application/json").result(text);
    }
  }
}
