package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RenewalMark;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.RenewalMarks;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The part of the administrators' API by which certificates are marked for early renewal
 * (docs/renewal.md). It stands behind the same check of the client certificate as {@link AdminApi}.
 */
final class RenewalMarksApi {
  private static final Set<String> MEMBERS =
      Set.of(
          "issuer",
          "key",
          "profile",
          "issuedFrom",
          "issuedUntil",
          "certificatesPerHour",
          "startsAt",
          "reason",
          "explanationUrl",
          "dryRun");
  private static final int LONGEST_NAME = 63;
  private static final int LONGEST_KEY = 200;
  private static final int LONGEST_REASON = 500;
  private static final int LONGEST_URL = 1000;
  private static final Duration LATEST_START = Duration.ofDays(366);

  private final RenewalMarks marks;
  private final IssuerRegistry registry;
  private final IssuerKeys keys;
  private final Set<ProfileId> profiles;
  private final Clock clock;
  private final TimeOrderedIds ids;
  private final ObjectMapper json = new ObjectMapper();

  RenewalMarksApi(
      RenewalMarks marks,
      IssuerRegistry registry,
      IssuerKeys keys,
      Set<ProfileId> profiles,
      Clock clock,
      TimeOrderedIds ids) {
    this.marks = marks;
    this.registry = registry;
    this.keys = keys;
    this.profiles = Set.copyOf(profiles);
    this.clock = clock;
    this.ids = ids;
  }

  void routes(JavalinConfig config) {
    config.routes.post("/admin/v1/renewal-marks", this::mark);
    config.routes.get("/admin/v1/renewal-marks", this::list);
    config.routes.delete("/admin/v1/renewal-marks/{id}", this::clear);
  }

  private void mark(Context context) throws Refused, IOException {
    JsonBody body = JsonBody.of(context, MEMBERS);
    RenewalMarks.Request request = request(body, administrator(context));
    UUID id = ids.next();
    if (body.flag("dryRun")) {
      RenewalMark plan = marks.plan(id, request);
      if (plan.certificates() == 0) {
        requireProfile(request.scope());
      }
      ObjectNode planned = described(plan);
      planned.remove("id");
      answer(context, planned.put("dryRun", true));
      return;
    }
    RenewalMark made =
        marks
            .make(id, request)
            .orElseThrow(() ->
                new Refused(Reason.NOT_FOUND, "no certificate that is valid now is meant by this"));
    context.status(201);
    answer(context, described(made));
  }

  /** A profile that is no more is still that of its certificates; one without any never was. */
  private void requireProfile(RenewalMark.Scope scope) throws Refused {
    if (scope.profile().filter(profile -> !profiles.contains(profile)).isPresent()) {
      throw new Refused(Reason.NOT_FOUND, "there is no profile " + scope.profile().get());
    }
  }

  private RenewalMarks.Request request(JsonBody body, String by) throws Refused {
    Optional<IssuerId> issuer = body.value("issuer", LONGEST_NAME, IssuerId::new);
    if (issuer.isPresent() && !registry.all().contains(issuer.get())) {
      throw new Refused(Reason.NOT_FOUND, "there is no issuer " + issuer.get());
    }
    Optional<String> key = body.text("key", LONGEST_KEY);
    if (key.isPresent()) {
      IssuerId holder = keys.holder(key.get());
      if (issuer.isPresent() && !issuer.get().equals(holder)) {
        throw JsonBody.bad("the key is that of issuer " + holder + ", not of " + issuer.get());
      }
      issuer = Optional.of(holder);
    }
    RenewalMark.Scope scope =
        new RenewalMark.Scope(
            issuer,
            body.value("profile", LONGEST_NAME, ProfileId::new),
            body.time("issuedFrom"),
            body.time("issuedUntil"));
    requireScope(scope);
    return new RenewalMarks.Request(
        scope,
        startsAt(body),
        body.requiredNumber("certificatesPerHour", 1, RenewalMark.FASTEST),
        body.text("reason", LONGEST_REASON)
            .orElseThrow(() -> JsonBody.bad("reason is missing: it stands in the audit")),
        body.value("explanationUrl", LONGEST_URL, RenewalMarksApi::webUrl),
        by);
  }

  private static void requireScope(RenewalMark.Scope scope) throws Refused {
    if (scope.equals(
        new RenewalMark.Scope(
            Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty()))) {
      throw JsonBody.bad(
          "one of issuer, key, profile, issuedFrom and issuedUntil must say which certificates");
    }
    if (scope.recordedFrom().isPresent()
        && scope.recordedUntil().isPresent()
        && !scope.recordedFrom().get().isBefore(scope.recordedUntil().get())) {
      throw JsonBody.bad("issuedFrom must be before issuedUntil");
    }
  }

  private Optional<Instant> startsAt(JsonBody body) throws Refused {
    Optional<Instant> startsAt = body.time("startsAt");
    Instant now = clock.instant();
    if (startsAt.isPresent()
        && (startsAt.get().isBefore(now) || startsAt.get().isAfter(now.plus(LATEST_START)))) {
      throw JsonBody.bad("startsAt must be in the future, and within a year");
    }
    return startsAt;
  }

  private static URI webUrl(String text) {
    URI uri = URI.create(text);
    if (uri.getHost() == null
        || !Set.of("http", "https").contains(String.valueOf(uri.getScheme()))) {
      throw new IllegalArgumentException("an http or https URL");
    }
    return URI.create(uri.toASCIIString());
  }

  private void list(Context context) {
    ArrayNode list = json.createArrayNode();
    marks.all().forEach(mark -> list.add(described(mark)));
    context.contentType("application/json").result(list.toString());
  }

  private void clear(Context context) throws Refused {
    UUID id = id(context.pathParam("id"));
    if (!marks.clear(id, administrator(context))) {
      throw noSuchMark();
    }
    answer(context, json.createObjectNode().put("id", id.toString()).put("cleared", true));
  }

  private static UUID id(String text) throws Refused {
    // UUID.fromString alone also takes shorter groups.
    if (!text.matches("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")) {
      throw noSuchMark();
    }
    return UUID.fromString(text);
  }

  private static Refused noSuchMark() {
    return new Refused(Reason.NOT_FOUND, "there is no such mark in force");
  }

  private static String administrator(Context context) {
    return Objects.requireNonNull(context.<String>attribute("administrator"));
  }

  private static void answer(Context context, ObjectNode answer) {
    context.contentType("application/json").result(answer.toString());
  }

  private ObjectNode described(RenewalMark mark) {
    ObjectNode answer = json.createObjectNode().put("id", mark.id().toString());
    RenewalMark.Scope scope = mark.scope();
    scope.issuer().ifPresent(issuer -> answer.put("issuer", issuer.value()));
    scope.profile().ifPresent(profile -> answer.put("profile", profile.value()));
    scope.recordedFrom().ifPresent(from -> answer.put("issuedFrom", from.toString()));
    scope.recordedUntil().ifPresent(until -> answer.put("issuedUntil", until.toString()));
    answer
        .put("certificates", mark.certificates())
        .put("certificatesPerHour", mark.perHour())
        .put("madeAt", mark.madeAt().toString())
        .put("startsAt", mark.startsAt().toString())
        .put("endsAt", mark.endsAt().toString())
        .put("reason", mark.reason())
        .put("by", mark.by());
    mark.explanation().ifPresent(url -> answer.put("explanationUrl", url.toString()));
    return answer;
  }
}
