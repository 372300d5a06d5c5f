package dev.chancery.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.BindingKey;
import dev.chancery.acme.BindingKeyId;
import dev.chancery.acme.BindingKeys;
import dev.chancery.acme.BindingPolicy;
import dev.chancery.acme.NamePattern;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/** The part of the administrators' API that makes, lists and revokes binding keys. */
final class BindingApi {
  private static final String PATH = "/admin/v1/bindings";
  private static final Set<String> KNOWN =
      Set.of("endpoint", "label", "preauthorized", "names", "profiles", "uses", "expires");
  private static final String UNLIMITED = "unlimited";

  private final BindingKeys keys;
  private final Set<String> endpoints;
  private final Set<ProfileId> profiles;
  private final Clock clock;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * @param endpoints those that take bindings
   * @param profiles those that there are
   */
  BindingApi(BindingKeys keys, Set<String> endpoints, Set<ProfileId> profiles, Clock clock) {
    this.keys = keys;
    this.endpoints = Set.copyOf(endpoints);
    this.profiles = Set.copyOf(profiles);
    this.clock = clock;
  }

  /** Adds the routes to those of {@link AdminApi}, which knows who may use them. */
  void routes(JavalinConfig config) {
    config.routes.get(PATH, this::list);
    config.routes.post(PATH, this::create);
    config.routes.get(PATH + "/{kid}", this::show);
    config.routes.post(PATH + "/{kid}/revocation", this::revoke);
  }

  private void list(Context context) throws Refused {
    String after = context.queryParam("after");
    ArrayNode list = json.createArrayNode();
    for (BindingKey key : keys.list(after == null ? Optional.empty() : Optional.of(id(after)))) {
      list.add(described(key));
    }
    answer(context, list);
  }

  private void show(Context context) throws Refused {
    BindingKey key = keys.find(id(context.pathParam("kid"))).orElseThrow(BindingApi::unknown);
    answer(context, described(key));
  }

  private void revoke(Context context) throws Refused {
    answer(context, described(keys.revoke(id(context.pathParam("kid")), administrator(context))));
  }

  private void create(Context context) throws Refused, IOException {
    JsonNode body = body(context);
    String endpoint = text(body, "endpoint").orElse("default");
    if (!endpoints.contains(endpoint)) {
      throw bad(
          "no endpoint "
              + endpoint
              + " takes external account bindings: see acme.endpoints in the configuration");
    }
    try {
      BindingKeys.Made made =
          keys.create(
              endpoint, text(body, "label").orElse(""), policy(body), administrator(context));
      ObjectNode answer = described(made.key());
      answer.put("macKey", made.macKey());
      context
          .status(201)
          .header(Header.LOCATION, PATH + "/" + made.key().id())
          .header(Header.CACHE_CONTROL, "no-store");
      answer(context, answer);
    } catch (IllegalArgumentException e) {
      throw bad(String.valueOf(e.getMessage()));
    }
  }

  private BindingPolicy policy(JsonNode body) throws Refused {
    List<NamePattern> preauthorized = list(body, "preauthorized", NamePattern::parse);
    List<NamePattern> names = list(body, "names", NamePattern::parse);
    // A key without a word about names allows those of the endpoint; one with preauthorized names
    // alone is for these.
    return new BindingPolicy(
        preauthorized,
        preauthorized.isEmpty() && names.isEmpty() ? everything() : names,
        list(body, "profiles", this::profile),
        uses(body),
        expires(body));
  }

  private static List<NamePattern> everything() {
    return List.of(
        NamePattern.parse("*"), NamePattern.parse("0.0.0.0/0"), NamePattern.parse("::/0"));
  }

  private ProfileId profile(String text) {
    ProfileId profile = new ProfileId(text);
    if (!profiles.contains(profile)) {
      throw new IllegalArgumentException("there is no profile " + profile);
    }
    return profile;
  }

  private static Optional<Integer> uses(JsonNode body) throws Refused {
    JsonNode uses = body.path("uses");
    if (uses.isMissingNode()) {
      return Optional.of(1);
    }
    if (uses.isTextual() && uses.textValue().equals(UNLIMITED)) {
      return Optional.empty();
    }
    if (!uses.isInt()) {
      throw bad("uses is a whole number, or \"" + UNLIMITED + "\"");
    }
    return Optional.of(uses.intValue());
  }

  private Optional<Instant> expires(JsonNode body) throws Refused {
    Optional<String> text = text(body, "expires");
    if (text.isEmpty()) {
      return Optional.empty();
    }
    Instant expires =
        AdminApi.time(text.get()).orElseThrow(() -> bad("expires is not an RFC 3339 time"));
    if (!expires.isAfter(clock.instant())) {
      throw bad("expires is in the past: " + text.get());
    }
    return Optional.of(expires);
  }

  private static <T> List<T> list(JsonNode body, String member, Function<String, T> parser)
      throws Refused {
    JsonNode array = body.path(member);
    List<T> values = new ArrayList<>();
    if (!array.isMissingNode() && !array.isArray()) {
      throw bad(member + " is not an array");
    }
    for (JsonNode element : array) {
      if (!element.isTextual()) {
        throw bad(member + " is not an array of strings");
      }
      T value = parser.apply(element.textValue());
      if (!values.contains(value)) {
        values.add(value);
      }
    }
    return values;
  }

  private static Optional<String> text(JsonNode body, String member) throws Refused {
    JsonNode node = body.path(member);
    if (!node.isMissingNode() && !node.isTextual()) {
      throw bad(member + " is not a string");
    }
    return Optional.ofNullable(node.textValue());
  }

  private JsonNode body(Context context) throws Refused, IOException {
    String text = JsonBody.text(context);
    try {
      JsonNode body = json.readTree(text);
      if (!body.isObject()) {
        throw bad("the body is not an object");
      }
      for (var member : body.properties()) {
        if (!KNOWN.contains(member.getKey())) {
          throw bad("the body has a member that is not known here");
        }
      }
      return body;
    } catch (JsonProcessingException e) {
      throw bad("the body is not JSON");
    }
  }

  private static Refused bad(String why) {
    return new Refused(Reason.BAD_CSR, why);
  }

  private static Refused unknown() {
    return new Refused(Reason.NOT_FOUND, "there is no such binding key");
  }

  private static BindingKeyId id(String text) throws Refused {
    return BindingKeyId.parse(text).orElseThrow(BindingApi::unknown);
  }

  private static String administrator(Context context) {
    return Objects.requireNonNull(context.<String>attribute("administrator"));
  }

  private ObjectNode described(BindingKey key) {
    BindingPolicy policy = key.policy();
    ObjectNode answer =
        json.createObjectNode()
            .put("kid", key.id().toString())
            .put("endpoint", key.endpoint())
            .put("label", key.label())
            .put("state", key.state(clock.instant()).toString())
            .put("used", key.uses());
    policy
        .mostUses()
        .ifPresentOrElse(most -> answer.put("uses", most), () -> answer.put("uses", UNLIMITED));
    put(answer, "preauthorized", policy.preauthorized());
    put(answer, "names", policy.names());
    put(answer, "profiles", policy.profiles());
    answer.put("created", key.created().toString());
    policy.expires().ifPresent(expires -> answer.put("expires", expires.toString()));
    key.revoked().ifPresent(revoked -> answer.put("revoked", revoked.toString()));
    return answer;
  }

  private static void put(ObjectNode answer, String member, List<?> values) {
    ArrayNode array = answer.putArray(member);
    values.forEach(value -> array.add(value.toString()));
  }

  private static void answer(Context context, JsonNode body) {
    context.contentType("application/json").result(body.toString());
  }
}
