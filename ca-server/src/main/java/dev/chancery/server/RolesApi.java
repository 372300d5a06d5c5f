package dev.chancery.server;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Cidr;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.kubernetes.CertificateHolders;
import dev.chancery.kubernetes.Credential;
import dev.chancery.kubernetes.CredentialId;
import dev.chancery.kubernetes.Credentials;
import dev.chancery.kubernetes.NameRules;
import dev.chancery.kubernetes.Role;
import dev.chancery.kubernetes.RoleLogins;
import dev.chancery.kubernetes.RoleName;
import dev.chancery.kubernetes.RolePolicy;
import dev.chancery.kubernetes.Roles;
import dev.chancery.kubernetes.ServiceAccounts;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;

/**
 * The part of the administrators' API that makes, lists and deletes roles and their credentials.
 */
final class RolesApi {
  private static final String PATH = "/admin/v1/roles";
  private static final String CREDENTIALS = PATH + "/{name}/credentials";
  private static final Set<String> ROLE =
      Set.of(
          "name",
          "issuer",
          "profile",
          "names",
          "deniedNames",
          "wildcards",
          "ttl",
          "maxTtl",
          "ca",
          "pathLength",
          "cluster",
          "audience",
          "serviceAccounts",
          "certificateNames",
          "certificateIssuer");
  private static final Set<String> CREDENTIAL =
      Set.of("kind", "label", "networks", "uses", "expires");
  private static final int LONGEST_NAME = 63;
  private static final int LONGEST_RULE = 300;
  private static final int LONGEST_DURATION = 40;
  private static final int MOST_RULES = 200;
  private static final int LONGEST_ACCOUNT = 507;
  private static final int MOST_ACCOUNTS = 50;
  private static final int LONGEST_LABEL = 100;
  private static final int LONGEST_NETWORK = 50;
  private static final int MOST_NETWORKS = 100;
  private static final int MOST_USES = 1_000_000_000;

  private final Roles roles;
  private final Credentials credentials;
  private final Known known;
  private final Clock clock;
  private final ObjectMapper json = new ObjectMapper();

  /**
   * What a role can name.
   *
   * @param served whether there is an API for roles at all
   */
  record Known(
      Set<IssuerId> issuers,
      Map<ProfileId, Profile> profiles,
      Set<String> clusters,
      boolean served) {
    Known {
      issuers = Set.copyOf(issuers);
      profiles = Map.copyOf(profiles);
      clusters = Set.copyOf(clusters);
    }
  }

  RolesApi(Roles roles, Credentials credentials, Known known, Clock clock) {
    this.roles = roles;
    this.credentials = credentials;
    this.known = known;
    this.clock = clock;
  }

  /** Adds the routes to those of {@link AdminApi}, which knows who may use them. */
  void routes(JavalinConfig config) {
    config.routes.get(PATH, this::list);
    config.routes.post(PATH, this::create);
    config.routes.get(PATH + "/{name}", context -> answer(context, described(role(context))));
    config.routes.delete(PATH + "/{name}", this::delete);
    config.routes.get(CREDENTIALS, this::listCredentials);
    config.routes.post(CREDENTIALS, this::createCredential);
    config.routes.delete(CREDENTIALS + "/{id}", this::revokeCredential);
  }

  private void list(Context context) {
    ArrayNode list = json.createArrayNode();
    roles.list().forEach(role -> list.add(described(role)));
    context.contentType("application/json").result(list.toString());
  }

  private void create(Context context) throws Refused, IOException {
    JsonBody body = JsonBody.of(context, ROLE);
    RoleName name =
        body.value("name", LONGEST_NAME, RoleName::new)
            .orElseThrow(() -> JsonBody.bad("name is missing"));
    RolePolicy policy = policy(body);
    Role made = roles.create(name, policy, logins(body, policy.issuer()), administrator(context));
    context.status(201).header(Header.LOCATION, PATH + "/" + made.name());
    ObjectNode answer = described(made);
    if (!known.served()) {
      answer.put(
          "notice",
          "nobody can log in under the role yet: the Vault-shaped API is off (vault: {enabled:"
              + " true}, and a restart)");
    }
    answer(context, answer);
  }

  private RolePolicy policy(JsonBody body) throws Refused {
    IssuerId issuer =
        body.value("issuer", LONGEST_NAME, IssuerId::new)
            .orElseThrow(() -> JsonBody.bad("issuer is missing"));
    ProfileId profileId =
        body.value("profile", LONGEST_NAME, ProfileId::new)
            .orElseThrow(() -> JsonBody.bad("profile is missing"));
    if (!known.issuers().contains(issuer)) {
      throw JsonBody.bad("there is no issuer " + issuer);
    }
    Profile profile = known.profiles().get(profileId);
    if (profile == null) {
      throw JsonBody.bad("there is no profile " + profileId);
    }
    boolean authority = body.flag("ca");
    if (authority != profile.constraint() instanceof Profile.Constraint.Authority) {
      throw JsonBody.bad(
          authority
              ? "profile " + profileId + " makes no CAs"
              : "profile " + profileId + " makes CAs: a role for it says so (ca)");
    }
    Optional<Integer> pathLength = body.number("pathLength", 0, 100);
    try {
      return new RolePolicy(
          issuer,
          profileId,
          new NameRules(
              body.values("names", LONGEST_RULE, MOST_RULES, Function.identity()),
              body.values("deniedNames", LONGEST_RULE, MOST_RULES, Function.identity()),
              body.flag("wildcards")),
          body.value("ttl", LONGEST_DURATION, Durations::parse),
          body.value("maxTtl", LONGEST_DURATION, Durations::parse),
          authority,
          pathLength.isPresent() ? OptionalInt.of(pathLength.get()) : OptionalInt.empty());
    } catch (IllegalArgumentException e) {
      throw JsonBody.bad(String.valueOf(e.getMessage()));
    }
  }

  private RoleLogins logins(JsonBody body, IssuerId signer) throws Refused {
    List<String> accounts =
        body.values("serviceAccounts", LONGEST_ACCOUNT, MOST_ACCOUNTS, Function.identity());
    Optional<String> audience = body.text("audience", LONGEST_RULE);
    Optional<String> cluster = body.text("cluster", LONGEST_NAME);
    List<String> certificates =
        body.values("certificateNames", LONGEST_RULE, MOST_RULES, Function.identity());
    if (accounts.isEmpty() == audience.isPresent() || (accounts.isEmpty() && cluster.isPresent())) {
      throw JsonBody.bad("serviceAccounts and the audience of their tokens go together");
    }
    Optional<IssuerId> issuer = body.value("certificateIssuer", LONGEST_NAME, IssuerId::new);
    if (issuer.isPresent() && (certificates.isEmpty() || !known.issuers().contains(issuer.get()))) {
      throw JsonBody.bad("certificateIssuer is an issuer here, and goes with certificateNames");
    }
    String named = cluster.orElse("kubernetes");
    if (!accounts.isEmpty() && !known.clusters().contains(named)) {
      throw JsonBody.bad("there is no cluster " + named + ": see vault.clusters");
    }
    try {
      return new RoleLogins(
          audience.map(text -> new ServiceAccounts(named, text, accounts)),
          certificates.isEmpty()
              ? Optional.empty()
              : Optional.of(
                  new CertificateHolders(
                      issuer.orElse(signer), new NameRules(certificates, List.of(), false))));
    } catch (IllegalArgumentException e) {
      throw JsonBody.bad(String.valueOf(e.getMessage()));
    }
  }

  private void delete(Context context) throws Refused {
    Role deleted = roles.delete(role(context).name(), administrator(context));
    answer(context, described(deleted));
  }

  private void listCredentials(Context context) throws Refused {
    ArrayNode list = json.createArrayNode();
    credentials.list(role(context)).forEach(credential -> list.add(described(credential)));
    context.contentType("application/json").result(list.toString());
  }

  private void createCredential(Context context) throws Refused, IOException {
    Role role = role(context);
    JsonBody body = JsonBody.of(context, CREDENTIAL);
    Credential.Kind kind =
        body.value("kind", LONGEST_NAME, RolesApi::kind)
            .orElseThrow(() -> JsonBody.bad("kind is missing"));
    Optional<Instant> expires = body.time("expires");
    if (expires.filter(end -> !end.isAfter(clock.instant())).isPresent()) {
      throw JsonBody.bad("expires is in the past");
    }
    try {
      Credentials.Made made =
          credentials.create(
              role,
              kind,
              body.text("label", LONGEST_LABEL).orElse(""),
              body.values("networks", LONGEST_NETWORK, MOST_NETWORKS, Cidr::parse),
              body.number("uses", 1, MOST_USES),
              expires,
              administrator(context));
      context.status(201).header(Header.CACHE_CONTROL, "no-store");
      ObjectNode answer = described(made.credential()).put("secret", made.secret());
      if (kind == Credential.Kind.SECRET_ID) {
        answer.put("roleId", role.id().toString());
      }
      answer(context, answer);
    } catch (IllegalArgumentException e) {
      throw JsonBody.bad(String.valueOf(e.getMessage()));
    }
  }

  private static Credential.Kind kind(String word) {
    for (Credential.Kind kind : Credential.Kind.values()) {
      if (kind.toString().equals(word)) {
        return kind;
      }
    }
    throw new IllegalArgumentException("secret-id or token, not " + word);
  }

  private void revokeCredential(Context context) throws Refused {
    CredentialId id =
        CredentialId.parse(context.pathParam("id"))
            .orElseThrow(() -> new Refused(Reason.NOT_FOUND, "the role has no such credential"));
    credentials.revoke(role(context), id, administrator(context));
    answer(context, json.createObjectNode().put("id", id.toString()).put("revoked", true));
  }

  private Role role(Context context) throws Refused {
    try {
      return roles.find(new RoleName(context.pathParam("name"))).orElseThrow(RolesApi::unknown);
    } catch (IllegalArgumentException e) {
      throw unknown();
    }
  }

  private static Refused unknown() {
    return new Refused(Reason.NOT_FOUND, "there is no such role");
  }

  private static String administrator(Context context) {
    return Objects.requireNonNull(context.<String>attribute("administrator"));
  }

  private ObjectNode described(Role role) {
    RolePolicy policy = role.policy();
    ObjectNode answer =
        json.createObjectNode()
            .put("name", role.name().value())
            .put("roleId", role.id().toString())
            .put("issuer", policy.issuer().value())
            .put("profile", policy.profile().value())
            .put("ca", policy.authority());
    policy.pathLength().ifPresent(length -> answer.put("pathLength", length));
    put(answer, "names", policy.names().allow());
    put(answer, "deniedNames", policy.names().deny());
    answer.put("wildcards", policy.names().wildcards());
    policy.standard().ifPresent(ttl -> answer.put("ttl", ttl.toString()));
    policy.longest().ifPresent(ttl -> answer.put("maxTtl", ttl.toString()));
    role.logins()
        .serviceAccounts()
        .ifPresent(accounts -> {
          answer.put("cluster", accounts.cluster()).put("audience", accounts.audience());
          put(answer, "serviceAccounts", accounts.patterns());
        });
    role.logins()
        .certificates()
        .ifPresent(holders -> {
          put(answer, "certificateNames", holders.names().allow());
          answer.put("certificateIssuer", holders.issuer().value());
        });
    return answer.put("created", role.created().toString());
  }

  private ObjectNode described(Credential credential) {
    ObjectNode answer =
        json.createObjectNode()
            .put("id", credential.id().toString())
            .put("kind", credential.kind().toString())
            .put("label", credential.label());
    put(answer, "networks", credential.networks());
    credential.usesLeft().ifPresent(uses -> answer.put("usesLeft", uses));
    answer.put("created", credential.created().toString());
    credential.expires().ifPresent(expires -> answer.put("expires", expires.toString()));
    return answer;
  }

  private static void put(ObjectNode answer, String member, List<?> values) {
    ArrayNode array = answer.putArray(member);
    values.forEach(value -> array.add(value.toString()));
  }

  private static void answer(Context context, ObjectNode body) {
    context.contentType("application/json").result(body.toString());
  }
}
