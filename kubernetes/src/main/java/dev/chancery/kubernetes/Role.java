package dev.chancery.kubernetes;

import java.time.Instant;

/** What an operator made for a group of requesters: what they may have, and how they log in. */
public record Role(
    RoleId id, RoleName name, RolePolicy policy, RoleLogins logins, Instant created) {}
