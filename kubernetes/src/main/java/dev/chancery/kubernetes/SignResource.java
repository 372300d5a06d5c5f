package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Approval;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Restriction;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TokenAway;
import dev.chancery.store.DatabaseAway;
import io.javalin.http.Context;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signs under the role of whoever has logged in. A client takes any failure here for final, so an
 * outage is waited out for as long as it waits for the answer.
 */
final class SignResource {
  private static final Logger LOG = LoggerFactory.getLogger(SignResource.class);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final SigningLoad load;
  private final Tokens tokens;
  private final Roles roles;
  private final Signings signings;
  private final CertificateAuthority authority;
  private final IssuerChains chains;
  private final SignSettings settings;

  /**
   * Surroundings of signing.
   *
   * @param profiles those that there are
   * @param patience how long an outage is waited out
   */
  record SignSettings(Map<ProfileId, Profile> profiles, Duration patience, Clock clock) {
    SignSettings {
      profiles = Map.copyOf(profiles);
    }
  }

  SignResource(
      SigningLoad load,
      Tokens tokens,
      Roles roles,
      Signings signings,
      CertificateAuthority authority,
      IssuerChains chains,
      SignSettings settings) {
    this.load = load;
    this.tokens = tokens;
    this.roles = roles;
    this.signings = signings;
    this.authority = authority;
    this.chains = chains;
    this.settings = settings;
  }

  /**
   * What the path of a request to sign says.
   *
   * @param role empty when it leaves that to the token
   * @param issuer empty when it leaves that to the role
   * @param authority whether the path is for CAs alone
   */
  record Target(Optional<String> role, Optional<String> issuer, boolean authority) {}

  Reply reply(Context context, Target target) throws VaultProblem, Refused, TokenAway, IOException {
    String token = Exchanges.token(context);
    long start = System.nanoTime();
    BooleanSupplier isOver = () -> System.nanoTime() - start > settings.patience().toNanos();
    // Before the body: while the database is away anybody may come, and nobody is known to be let
    // in, so there must be little to keep of each.
    Session session = waitedOut(isOver, () -> tokens.read(token, Exchanges.peer(context)));
    // Before it counts: who sends slowly keeps nobody from logging in.
    Body body = Body.of(context);
    try (LoginGate.Pass _ = load.begin()) {
      Set<RequestId> mine = new HashSet<>();
      return waitedOut(isOver, () -> signed(target, session, body, mine, isOver));
    }
  }

  private interface Attempt<T> {
    T result() throws VaultProblem, Refused, TokenAway;
  }

  private static <T> T waitedOut(BooleanSupplier isOver, Attempt<T> attempt)
      throws VaultProblem, Refused, TokenAway {
    while (true) {
      try {
        return attempt.result();
      } catch (TokenAway | DatabaseAway e) {
        if (isOver.getAsBoolean()) {
          throw e;
        }
        LOG.warn("a request to sign waits for the end of an outage: {}", e.toString());
        pause(e);
      }
    }
  }

  private static void pause(Exception outage) throws TokenAway {
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted in an outage", outage);
    }
  }

  private Reply signed(
      Target target, Session session, Body body, Set<RequestId> mine, BooleanSupplier isOver)
      throws VaultProblem, Refused, TokenAway {
    Role role = roles.find(session.role()).orElseThrow(VaultProblem::permissionDenied);
    requireTarget(role, target);
    SignRequest request = SignRequest.of(body);
    role.policy().names().policy().require(request.names());
    if (profile(role).subject() == Profile.SubjectRule.REQUESTED) {
      RequestedSubject.require(request, role);
    }
    Restriction restriction = CsrWishes.of(request.csr()).under(role);
    Lifetime lifetime =
        Lifetime.of(
            request.lifetime(),
            role.policy(),
            profile(role).validity(),
            chains.end(authority.active(role.policy().issuer())),
            settings.clock().instant());
    IssuedCertificate issued =
        signings.once(
            digest(session, request),
            mine,
            isOver,
            id ->
                authority.issue(
                    new IssuanceRequest(
                        role.policy().issuer(),
                        role.policy().profile(),
                        request.csr().publicKey(),
                        request.csr().subject(),
                        request.names(),
                        Optional.empty(),
                        lifetime.notAfter(),
                        restriction,
                        new Approval.TrustedRequester(
                            session.who(), id, role.policy().authority()))));
    return reply(issued, lifetime);
  }

  private void requireTarget(Role role, Target target) throws VaultProblem {
    IssuerId issuer = role.policy().issuer();
    Set<String> meant = Set.of("default", issuer.value());
    if (target.role().filter(name -> !name.equals(role.name().value())).isPresent()) {
      throw VaultProblem.permissionDenied();
    }
    if (target.authority() && !role.policy().authority()) {
      throw VaultProblem.forbidden("role " + role.name() + " is not for CAs");
    }
    if (target
        .issuer()
        .filter(name -> !meant.contains(name))
        .filter(name -> !name.equals(authority.active(issuer).value()))
        .isPresent()) {
      throw VaultProblem.badRequest(
          "role " + role.name() + " has its certificates from issuer " + issuer);
    }
  }

  private Profile profile(Role role) throws Refused {
    Profile profile = settings.profiles().get(role.policy().profile());
    if (profile == null) {
      throw new Refused(
          Reason.NOT_FOUND, "there is no profile " + role.policy().profile() + " any more");
    }
    return profile;
  }

  /** Two requests that differ in nothing but their fields beside the CSR are not the same. */
  private static byte[] digest(Session session, SignRequest request) {
    try (ByteArrayOutputStream octets = new ByteArrayOutputStream();
        DataOutputStream data = new DataOutputStream(octets)) {
      data.writeLong(session.token().getMostSignificantBits());
      data.writeLong(session.token().getLeastSignificantBits());
      data.writeLong(request.lifetime().map(Duration::toSeconds).orElse(0L));
      data.writeInt(request.names().size());
      data.write(request.csr().encoded().bytes());
      data.flush();
      return Der.of(octets.toByteArray()).sha256();
    } catch (IOException e) {
      throw new IllegalStateException("there is no output, only memory", e);
    }
  }

  private Reply reply(IssuedCertificate issued, Lifetime lifetime) throws Refused {
    List<Der> chain = chains.of(issued.issuer());
    ObjectNode body = Reply.envelope();
    ObjectNode data = body.putObject("data");
    data.put("certificate", Pem.certificate(issued.encoded()))
        .put("issuing_ca", Pem.certificate(chain.getFirst()));
    ArrayNode above = data.putArray("ca_chain");
    chain.forEach(certificate -> above.add(Pem.certificate(certificate)));
    data.put("serial_number", colons(issued.serial()))
        .put("expiration", issued.notAfter().getEpochSecond())
        .put("not_before", issued.notBefore().getEpochSecond());
    lifetime.warning().ifPresent(warning -> body.putArray("warnings").add(warning));
    return Reply.json(200, body);
  }

  /** As Vault writes serial numbers. */
  static String colons(SerialNumber serial) {
    return serial.toString().replaceAll("(..)(?!$)", "$1:");
  }
}
