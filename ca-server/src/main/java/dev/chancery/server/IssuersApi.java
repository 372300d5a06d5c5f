package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.store.IssuerSuccessions.Live;
import dev.chancery.store.IssuerSuccessions.Succession;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;

/**
 * The part of the administrators' API by which one issuer takes the place of another. It stands
 * behind the same check of the client certificate as {@link AdminApi}.
 */
final class IssuersApi {
  private static final int LONGEST_NAME = 63;

  private final IssuerChange change;
  private final RetiredIssuers retired;
  private final TrustView view;
  private final Map<IssuerId, X509CertificateHolder> certificates;
  private final Map<String, IssuerId> endpoints;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * The API.
   *
   * @param certificates those of the issuers and roots of this server
   * @param endpoints the ACME endpoints, each with the issuer that the configuration gives it
   */
  IssuersApi(
      IssuerChange change,
      RetiredIssuers retired,
      TrustView view,
      Map<IssuerId, X509CertificateHolder> certificates,
      Map<String, IssuerId> endpoints) {
    this.change = change;
    this.retired = retired;
    this.view = view;
    this.certificates = Map.copyOf(certificates);
    this.endpoints = Map.copyOf(endpoints);
  }

  void routes(JavalinConfig config) {
    config.routes.get("/admin/v1/issuers", this::list);
    config.routes.post("/admin/v1/issuers/{name}/activation", this::activate);
    config.routes.post("/admin/v1/issuers/{name}/retirement", this::retire);
  }

  private void list(Context context) {
    TrustView.Snapshot now = view.look();
    Map<IssuerId, Live> live = change.live();
    Map<IssuerId, Instant> answering = retired.answering();
    ArrayNode list = json.createArrayNode();
    for (IssuerId name : change.all()) {
      ObjectNode issuer = list.addObject().put("name", name.value());
      described(issuer, name, now);
      Live count = live.getOrDefault(name, Live.NONE);
      issuer.put("live", count.number());
      count.until().ifPresent(until -> issuer.put("liveUntil", until.toString()));
      Optional.ofNullable(answering.get(name))
          .ifPresent(until -> issuer.put("answersUntil", until.toString()));
      ArrayNode orders = issuer.putArray("endpoints");
      endpoints.keySet().stream()
          .sorted()
          .filter(
              endpoint -> now.active(Objects.requireNonNull(endpoints.get(endpoint))).equals(name))
          .forEach(orders::add);
    }
    context.contentType("application/json").result(list.toString());
  }

  private void described(ObjectNode issuer, IssuerId name, TrustView.Snapshot now) {
    Succession succession = now.successions().get(name);
    issuer.put("state", state(name, succession));
    if (succession != null) {
      issuer.put("successor", succession.successor().value());
      issuer.put("replacedAt", succession.replacedAt().toString());
      succession.retiredAt().ifPresent(at -> issuer.put("retiredAt", at.toString()));
    }
    X509CertificateHolder certificate = certificates.get(name);
    if (certificate != null) {
      issuer
          .put("subject", certificate.getSubject().toString())
          .put("notAfter", certificate.getNotAfter().toInstant().toString())
          .put("sha256", TrustBundle.fingerprint(certificate));
    }
  }

  private String state(IssuerId name, @Nullable Succession succession) {
    if (succession != null) {
      return succession.retiredAt().isPresent() ? "retired" : "replaced";
    }
    if (RootNames.isRoot(name)) {
      return "root";
    }
    return certificates.containsKey(name) ? "active" : "absent";
  }

  private void activate(Context context) throws Refused, TooEarly, TokenAway, IOException {
    IssuerId name = known(context);
    JsonBody body = JsonBody.of(context, Set.of("insteadOf"));
    Optional<IssuerId> named = body.value("insteadOf", LONGEST_NAME, IssuerId::new);
    IssuerId instead =
        named.isPresent()
            ? named.get()
            : view.look().active(Objects.requireNonNull(endpoints.get("default")));
    change.activate(name, instead, administrator(context));
    ObjectNode answer = json.createObjectNode().put("name", name.value());
    described(answer, name, view.look());
    answer.put("insteadOf", instead.value());
    context.contentType("application/json").result(answer.toString());
  }

  private void retire(Context context) throws Refused, TooEarly, IOException {
    IssuerId name = known(context);
    JsonBody _ = JsonBody.of(context, Set.of());
    change.retire(name, administrator(context));
    ObjectNode answer = json.createObjectNode().put("name", name.value());
    described(answer, name, view.look());
    context.contentType("application/json").result(answer.toString());
  }

  private IssuerId known(Context context) throws Refused {
    String text = context.pathParam("name");
    return change.all().stream()
        .filter(name -> name.value().equals(text))
        .findFirst()
        .orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such issuer"));
  }

  static String administrator(Context context) {
    return Objects.requireNonNull(context.<String>attribute("administrator"));
  }
}
