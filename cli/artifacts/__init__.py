"""Artifacts: archives in S3 and images in ECR, under names that contain a digest of their content.

May import packing, settings and aws. Never decides what is packed, and never touches a stack.
"""
