# What docs/clients.md says that Terraform can do with weir, beside its recipe: as it is made, and as it is changed.

variable "changed" { type = bool }
# Free ports of this machine.
variable "ports" { type = list(number) }

data "aws_availability_zones" "all" { state = "available" }
data "aws_caller_identity" "own" {}
data "aws_vpc" "default" { default = true }

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

data "aws_security_group" "source" { id = aws_elb.plain.source_security_group_id }
data "aws_elb" "plain" { name = aws_elb.plain.name }

# Attributes, tags, zones, logs.
resource "aws_elb" "plain" {
  name_prefix                 = "p-"
  availability_zones          = slice(data.aws_availability_zones.all.names, 0, var.changed ? 1 : 3)
  instances                   = var.changed ? ["127.0.0.3"] : ["127.0.0.2", "127.0.0.3"]
  idle_timeout                = var.changed ? 200 : 60
  connection_draining         = var.changed
  connection_draining_timeout = var.changed ? 400 : 300
  cross_zone_load_balancing   = !var.changed
  desync_mitigation_mode      = var.changed ? "strictest" : "defensive"
  tags                        = var.changed ? { team = "web", empty = "" } : { team = "api" }

  listener {
    lb_port           = var.ports[0]
    lb_protocol       = "http"
    instance_port     = var.changed ? 8010 : 8000
    instance_protocol = "http"
  }

  health_check {
    target              = var.changed ? "TCP:8010" : "HTTP:8000/up?a=1&b=2"
    interval            = 60
    timeout             = 30
    healthy_threshold   = var.changed ? 10 : 5
    unhealthy_threshold = 5
  }

  access_logs {
    bucket   = "logs"
    interval = 5
    enabled  = !var.changed
  }
}

# In subnets, with a security group that was made elsewhere.
resource "aws_elb" "inside" {
  name            = "inside"
  internal        = true
  subnets         = slice(sort(data.aws_subnets.default.ids), 0, var.changed ? 2 : 1)
  security_groups = ["sg-0123456789abcdef0"]

  listener {
    lb_port           = var.ports[1]
    lb_protocol       = "tcp"
    instance_port     = 25
    instance_protocol = "tcp"
  }

  listener {
    lb_port           = var.ports[2]
    lb_protocol       = "tcp"
    instance_port     = 587
    instance_protocol = "tcp"
  }
}

resource "aws_elb_attachment" "instance" {
  elb      = aws_elb.inside.id
  instance = var.changed ? "127.0.0.3" : "127.0.0.2"
}

resource "aws_proxy_protocol_policy" "mail" {
  load_balancer  = aws_elb.inside.name
  instance_ports = var.changed ? ["25", "587"] : ["25"]
}

# Stickiness of both kinds, and policies by their types.
resource "aws_elb" "sticky" {
  name               = "sticky"
  availability_zones = [data.aws_availability_zones.all.names[0]]

  dynamic "listener" {
    for_each = slice(var.ports, 3, 6)
    content {
      lb_port           = listener.value
      lb_protocol       = "http"
      instance_port     = 8000
      instance_protocol = "http"
    }
  }
}

resource "aws_lb_cookie_stickiness_policy" "session" {
  name          = "session"
  load_balancer = aws_elb.sticky.id
  lb_port       = var.ports[3]
}

resource "aws_app_cookie_stickiness_policy" "application" {
  name          = "application"
  load_balancer = aws_elb.sticky.name
  lb_port       = var.ports[4]
  cookie_name   = var.changed ? "OTHER" : "SESSION"
}

resource "aws_load_balancer_policy" "cookie" {
  load_balancer_name = aws_elb.sticky.name
  policy_name        = "cookie"
  policy_type_name   = "AppCookieStickinessPolicyType"

  policy_attribute {
    name  = "CookieName"
    value = var.changed ? "unicorn" : "magic"
  }
}

resource "aws_load_balancer_listener_policy" "cookie" {
  load_balancer_name = aws_elb.sticky.name
  load_balancer_port = var.ports[5]
  policy_names       = [aws_load_balancer_policy.cookie.policy_name]
}

resource "aws_load_balancer_policy" "by_its_type" {
  for_each           = toset(["LBCookieStickinessPolicyType", "SSLNegotiationPolicyType"])
  load_balancer_name = aws_elb.sticky.name
  policy_name        = each.key
  policy_type_name   = each.key
}

# Certificates, security policies, authentication of instances.
resource "aws_iam_server_certificate" "front" {
  name             = "front"
  certificate_body = file("${path.module}/web.pem")
  private_key      = file("${path.module}/web.key")
}

resource "aws_acm_certificate" "front" {
  certificate_body = file("${path.module}/web.pem")
  private_key      = file("${path.module}/web.key")
  tags             = { team = "web" }
}

resource "aws_elb" "secure" {
  name               = "secure"
  availability_zones = [data.aws_availability_zones.all.names[0]]

  listener {
    lb_port            = var.ports[6]
    lb_protocol        = "https"
    instance_port      = 8443
    instance_protocol  = "https"
    ssl_certificate_id = aws_iam_server_certificate.front.arn
  }

  listener {
    lb_port            = var.ports[7]
    lb_protocol        = "ssl"
    instance_port      = 9443
    instance_protocol  = "ssl"
    ssl_certificate_id = aws_acm_certificate.front.arn
  }
}

# The provider cannot change one in place.
resource "aws_lb_ssl_negotiation_policy" "own" {
  name          = "own"
  load_balancer = aws_elb.secure.id
  lb_port       = var.ports[6]

  dynamic "attribute" {
    for_each = {
      "Protocol-TLSv1"              = "false"
      "Protocol-TLSv1.2"            = "true"
      "Server-Defined-Cipher-Order" = "true"
      "ECDHE-RSA-AES128-GCM-SHA256" = "true"
      "AES128-GCM-SHA256"           = "true"
      "EDH-RSA-DES-CBC3-SHA"        = "false"
    }
    content {
      name  = attribute.key
      value = attribute.value
    }
  }
}

resource "aws_load_balancer_policy" "reference" {
  load_balancer_name = aws_elb.secure.name
  policy_name        = "reference"
  policy_type_name   = "SSLNegotiationPolicyType"

  policy_attribute {
    name  = "Reference-Security-Policy"
    value = var.changed ? "ELBSecurityPolicy-2016-08" : "ELBSecurityPolicy-TLS-1-2-2017-01"
  }
}

resource "aws_load_balancer_listener_policy" "reference" {
  load_balancer_name = aws_elb.secure.name
  load_balancer_port = var.ports[7]
  policy_names       = [aws_load_balancer_policy.reference.policy_name]
}

resource "aws_load_balancer_policy" "key" {
  count              = 2
  load_balancer_name = aws_elb.secure.name
  policy_name        = "key-${count.index}"
  policy_type_name   = "PublicKeyPolicyType"

  policy_attribute {
    name  = "PublicKey"
    value = file("${path.module}/web.pem")
  }
}

resource "aws_load_balancer_policy" "authentication" {
  count              = 2
  load_balancer_name = aws_elb.secure.name
  policy_name        = "authentication-${count.index}"
  policy_type_name   = "BackendServerAuthenticationPolicyType"

  policy_attribute {
    name  = "PublicKeyPolicyName"
    value = aws_load_balancer_policy.key[count.index].policy_name
  }
}

resource "aws_load_balancer_backend_server_policy" "authentication" {
  load_balancer_name = aws_elb.secure.name
  instance_port      = 8443
  policy_names       = [aws_load_balancer_policy.authentication[var.changed ? 1 : 0].policy_name]
}
