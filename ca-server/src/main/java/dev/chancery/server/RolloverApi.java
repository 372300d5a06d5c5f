package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import dev.chancery.store.RootRollovers.Rollover;
import dev.chancery.store.RootRollovers.State;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * The part of the administrators' API by which a root takes the place of another
 * (docs/root-rotation.md). It stands behind the same check of the client certificate as {@link
 * AdminApi}.
 */
final class RolloverApi {
  private static final int LONGEST_CERTIFICATE = 7000;
  private static final int LONGEST_PAIR = 127;
  private static final int MOST_PAIRS = 100;
  private static final String PATH = "/admin/v1/rollover";

  private final RootRollover rollover;
  private final TrustView view;
  private final TimeOrderedIds ids;
  private final ObjectMapper json = new ObjectMapper();

  RolloverApi(RootRollover rollover, TrustView view, TimeOrderedIds ids) {
    this.rollover = rollover;
    this.view = view;
    this.ids = ids;
  }

  void routes(JavalinConfig config) {
    config.routes.get(PATH, this::status);
    config.routes.delete(PATH, this::abandon);
    config.routes.post(PATH + "/prepare", this::prepare);
    config.routes.post(PATH + "/publish", this::publish);
    config.routes.post(PATH + "/cross-sign", this::crossSign);
    config.routes.post(PATH + "/switch", this::switchOver);
    config.routes.post(PATH + "/retire", this::retire);
    config.routes.get("/admin/v1/roots", this::roots);
  }

  private void status(Context context) {
    answer(context, described());
  }

  private void prepare(Context context) throws Refused, TooEarly, IOException {
    JsonBody _ = JsonBody.of(context, Set.of());
    Rollover _ = rollover.prepare(ids.next(), IssuersApi.administrator(context));
    answer(context, described());
  }

  private void publish(Context context) throws Refused, TooEarly, IOException {
    JsonBody _ = JsonBody.of(context, Set.of());
    Rollover _ = rollover.publish(IssuersApi.administrator(context));
    answer(context, described());
  }

  private void crossSign(Context context) throws Refused, TooEarly, IOException {
    JsonBody body = JsonBody.of(context, Set.of("oldByNew", "newByOld"));
    Rollover _ =
        rollover.crossSign(
            certificate(body, "oldByNew"),
            certificate(body, "newByOld"),
            IssuersApi.administrator(context));
    answer(context, described());
  }

  private static X509CertificateHolder certificate(JsonBody body, String member) throws Refused {
    return body.value(member, LONGEST_CERTIFICATE, RolloverApi::certificate)
        .orElseThrow(() -> JsonBody.bad(member + " is missing"));
  }

  private static X509CertificateHolder certificate(String base64) {
    try {
      return new X509CertificateHolder(
          Certificate.getInstance(ASN1Primitive.fromByteArray(Base64.getDecoder().decode(base64))));
    } catch (IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw new IllegalArgumentException("not a certificate, DER in base64", e);
    }
  }

  private void switchOver(Context context) throws Refused, TooEarly, TokenAway, IOException {
    JsonBody body = JsonBody.of(context, Set.of("issuers"));
    Map<IssuerId, IssuerId> pairs = new TreeMap<>();
    for (Pair pair : body.values("issuers", LONGEST_PAIR, MOST_PAIRS, Pair::parse)) {
      if (pairs.put(pair.instead(), pair.successor()) != null) {
        throw JsonBody.bad("issuers names " + pair.instead() + " twice");
      }
    }
    Rollover _ = rollover.switchOver(pairs, IssuersApi.administrator(context));
    answer(context, described());
  }

  private record Pair(IssuerId instead, IssuerId successor) {
    private static Pair parse(String text) {
      int equals = text.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException("OLD=NEW, two issuers");
      }
      return new Pair(
          new IssuerId(text.substring(0, equals)), new IssuerId(text.substring(equals + 1)));
    }
  }

  private void retire(Context context) throws Refused, TooEarly, IOException {
    JsonBody _ = JsonBody.of(context, Set.of());
    Rollover _ = rollover.retire(IssuersApi.administrator(context));
    answer(context, described());
  }

  private void abandon(Context context) throws TooEarly {
    rollover.abandon(IssuersApi.administrator(context));
    answer(context, described());
  }

  private void roots(Context context) {
    List<X509CertificateHolder> roots = view.look().bundle().roots();
    ArrayNode list = json.createArrayNode();
    for (X509CertificateHolder root : roots) {
      described(list.addObject(), root).put("pem", PemFile.text(List.of(root)));
    }
    context.contentType("application/json").result(list.toString());
  }

  private ObjectNode described() {
    ObjectNode status = json.createObjectNode();
    Optional<Rollover> last = rollover.last();
    status.put("state", last.map(one -> one.state().text()).orElse("none"));
    last.ifPresent(one -> described(status, one));
    status.put("nextStep", nextStep(last));
    rollover.waitsFor().ifPresent(why -> status.put("waitsFor", why));
    return status;
  }

  private void described(ObjectNode status, Rollover one) {
    described(
        status.putObject("oldRoot").put("name", one.oldRoot().name().value()),
        RootRollover.oldRoot(one));
    described(
        status.putObject("newRoot").put("name", one.newRoot().name().value()),
        RootRollover.newRoot(one));
    status.put("preparedAt", one.preparedAt().toString());
    one.publishedAt().ifPresent(at -> status.put("bothRootsSince", at.toString()));
    status.put("bothRootsFor", rollover.publishedFor().toString());
    one.crossSignedAt().ifPresent(at -> status.put("crossSignedAt", at.toString()));
    one.crossCertificates()
        .ifPresent(_ ->
            view.look()
                .crossedUntil()
                .ifPresent(end -> status.put("crossCertificatesEnd", end.toString())));
    one.switchedAt().ifPresent(at -> status.put("switchedAt", at.toString()));
    one.retiredAt().ifPresent(at -> status.put("retiredAt", at.toString()));
    RolloverNumbers.Numbers numbers = rollover.numbers(one);
    status
        .put("liveBelowOldRoot", numbers.belowOld())
        .put("liveOnlyToOldRoot", numbers.onlyOld())
        .put("liveBelowNewRoot", numbers.belowNew())
        .put("liveOnlyToNewRoot", numbers.onlyNew());
    numbers.oldUntil().ifPresent(until -> status.put("liveBelowOldRootUntil", until.toString()));
  }

  private static ObjectNode described(ObjectNode node, X509CertificateHolder root) {
    return node.put("subject", root.getSubject().toString())
        .put("notAfter", root.getNotAfter().toInstant().toString())
        .put("sha256", TrustBundle.fingerprint(root));
  }

  private static String nextStep(Optional<Rollover> last) {
    return switch (last.map(Rollover::state).orElse(State.RETIRED)) {
      case PREPARED -> "publish";
      case PUBLISHED -> "cross-sign";
      case CROSS_SIGNED -> "switch";
      case SWITCHED -> "retire";
      case RETIRED -> "prepare";
    };
  }

  private static void answer(Context context, ObjectNode answer) {
    context.contentType("application/json").result(answer.toString());
  }
}
